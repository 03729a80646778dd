"""The codes with which a command ends that did not do what it was asked for."""

from __future__ import annotations

REFUSED = 2
"""What was asked for, or the settings, are wrong and stay so."""
BUSY = 75
"""What may go well another time (EX_TEMPFAIL of sysexits.h)."""
