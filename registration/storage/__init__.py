"""Tables of Registration and plain functions over a connection that return domain values."""
