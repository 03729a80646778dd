"""What the identity provider does: one file, one deed, one transaction. No use case calls a sibling."""
