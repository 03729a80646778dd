"""The rules of Registration over frozen values: no SQL, no network, no clock, no chance."""
