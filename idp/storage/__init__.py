"""Tables and plain functions over a connection that return domain values. SQL lives here only."""
