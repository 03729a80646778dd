"""The key tables and plain functions over a connection."""
