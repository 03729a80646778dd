"""The courier: what leaves the house (e-mail, text messages, notices to other systems).

A deed posts its messages in its own transaction; a worker sends them after the commit. Payloads are
sealed at rest and wiped once sent, because links and codes travel in them (OB-12).
"""
