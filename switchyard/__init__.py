"""The roof: the only package that knows all. Settings, wiring, command line, demonstration and mailbox."""
