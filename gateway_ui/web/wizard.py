"""The names of the activation's three steps."""

from __future__ import annotations

from kernel.web.language import gettext as _


def wizard_steps() -> tuple[str, ...]:
    """Return the steps of the activation in order (gateway.md 6.5)."""
    return (_("Create your password"), _("Set up two-step verification"), _("Check and finish"))
