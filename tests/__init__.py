"""The specification of Switchyard as programs: each test's name is a sentence of it."""
