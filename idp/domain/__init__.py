"""Pure rules over frozen values: no Flask, no SQL, no clock, no chance, no I/O."""
