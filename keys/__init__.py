"""Signing keys and everything sealed with them: rotation, JWKS, client certificates. Reached through ``usecases``."""
