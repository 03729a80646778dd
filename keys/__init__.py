"""Signing keys: rotation, the published key set, signing. Reached through ``usecases``."""
