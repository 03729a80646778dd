"""The foundation's conformance suite, walked by name: what each of its modules does and checks, in our own words."""
