"""What Registration does: one file is one deed is one transaction. No deed calls another."""
