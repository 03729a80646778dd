"""The errors everyone shares: a stable code, a sentence safe for anyone, and a context for the audit only.

An expected refusal is a value, not an error; what is raised here rolls the unit of work back.
"""

from __future__ import annotations

from typing import ClassVar


class SwitchyardError(Exception):
    """The base of all our errors.

    ``code`` is stable, ``public`` may be shown to anyone, ``status`` is the HTTP status a face answers
    with; ``context`` is for logs and the audit and never leaves the house.
    """

    code: ClassVar[str] = "internal_error"
    public: ClassVar[str] = "Something went wrong. Nothing was changed."
    status: ClassVar[int] = 500

    def __init__(self, **context: object) -> None:
        self.context = context
        super().__init__(self.code, context)


class SpokenError(SwitchyardError):
    """An error for whoever runs the system: ``message`` says in a sentence what is wrong, and what to do."""

    def __init__(self, message: str, **context: object) -> None:
        self.message = message
        super().__init__(message=message, **context)

    def __str__(self) -> str:
        return self.message


class BusyError(SwitchyardError):
    """The system sheds load rather than grow without bound; ``retry_after`` is in whole seconds."""

    code = "busy"
    public = "The service is busy. Try again in a moment."
    status = 503

    def __init__(self, retry_after: int = 2, **context: object) -> None:
        self.retry_after = retry_after
        super().__init__(**context)


class TooCostlyError(SwitchyardError):
    """The database was stopped: what was asked of it took longer than whoever asks may keep it busy."""

    code = "too_costly"
    public = "The question takes too long to answer. Ask for less."
    status = 400


class CrowdedError(BusyError):
    """Whoever asks has too much under way that takes long; what others ask is not held up by it."""

    code = "crowded"
    status = 429


class UndoneError(BusyError):
    """A unit of work was undone so that another could go on, or what it asked was outdated.

    Done again at once, it can go on itself.
    """

    code = "undone"


class DatabaseAwayError(BusyError, SpokenError):
    """The database cannot be reached, takes nobody or no changes, or went away in the middle.

    Nothing was changed.
    """

    code = "database_away"

    def __init__(self, words: str) -> None:
        super().__init__(message=f"the database cannot be used: {words}")


class UncertainError(SwitchyardError):
    """The connection broke as a unit of work was committed: nobody knows whether it stands.

    It is not tried again by itself, and nobody is told that nothing was changed.
    """

    code = "outcome_unknown"
    public = "The database was lost as this was stored. Look whether it was done before you try again."


class NestedUnitError(RuntimeError):
    """A mistake in our own code: a thread opens a unit of work within another, and would wait for itself."""

    def __init__(self) -> None:
        super().__init__("this thread has a unit of work open on this database: write in that one")


class SettingsError(SpokenError):
    """The settings cannot be used; the message names the key and says what to do."""

    code = "settings"
    public = "The settings cannot be used."


class SealError(SwitchyardError):
    """Sealed bytes do not open: another key, another row, or changed bytes."""

    code = "seal"
    public = "Stored data could not be read. The operator was told."


class AuditError(SwitchyardError):
    """A deed cannot be audited, so it does not happen."""

    code = "audit"
    public = "The change could not be recorded, so it was not made."
    status = 503
