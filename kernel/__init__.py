"""The ground: what both systems stand on, and that knows no product word.

Database session, clock, chance, errors, settings, cryptography, audit, limits, mail and text messages,
and the framework-free face of HTTP. A module here imports nothing of ours but the kernel.
"""
