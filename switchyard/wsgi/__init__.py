"""WSGI entries of the systems."""
