"""Registration's pages: each parses, calls one use case and renders. No decision, no SQL."""
