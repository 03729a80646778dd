"""Pure rules of keys: states, rotation, JWK form. No clock, no chance, no SQL, no I/O."""
