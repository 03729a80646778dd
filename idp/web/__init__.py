"""The identity provider's protocol faces: they parse, call one use case and render."""
