"""The house rules as programs."""
