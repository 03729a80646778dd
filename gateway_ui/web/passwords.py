"""What a password must be, listed above the field; and each refusal with its reason (G-16, G-55)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway_ui.web import messages
from gateway_ui.web.messages import Message, complain, complain_count
from idp.domain.login_flow import PasswordDue
from idp.domain.password_policy import Fault, FaultCode, Requirement, RequirementCode
from idp.domain.policy_profiles import FORBIDDEN
from kernel.web.forms import FormErrors
from kernel.web.language import gettext as _
from kernel.web.language import ngettext


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement: its sentence, and the expressions by which a script marks it as met."""

    code: str
    text: str
    pattern: str = ""
    not_pattern: str = ""


def requirement_lines(requirements: Iterable[Requirement]) -> tuple[Line, ...]:
    """Return the lines of the list in the language of the page."""
    return tuple(_line(one) for one in requirements)


def _line(requirement: Requirement) -> Line:
    code, value = requirement.code, requirement.value
    pattern, not_pattern = "", ""
    match code:
        case RequirementCode.LENGTH:
            text = ngettext(
                "have at least %(num)s character; longer is better",
                "have at least %(num)s characters; longer is better",
                int(value),
            )
            pattern = f"^[\\s\\S]{{{int(value)},}}$"
        case RequirementCode.UPPER_AND_LOWER:
            text = _("have upper-case and lower-case letters")
            pattern = "^(?=[\\s\\S]*\\p{Lu})(?=[\\s\\S]*\\p{Ll})"
        case RequirementCode.DIGIT:
            text = _("have a number")
            pattern = "\\p{Nd}"
        case RequirementCode.SPECIAL:
            text = _("have a special character, such as %(examples)s", examples=_EXAMPLES)
            pattern = _one_of(value)
        case RequirementCode.FORBIDDEN:
            text = _("have none of these: %(forbidden)s", forbidden=value)
            not_pattern = _one_of(value.replace(" ", ""))
        case RequirementCode.NO_SPACES:
            text = _("have no spaces")
            not_pattern = "\\s"
        case RequirementCode.NO_NAMES:
            text = _("not contain your user ID, your name or a part of them")
        case RequirementCode.NOT_COMMON:
            text = _("not be easy to guess: no dictionary word, and none from lists of stolen passwords")
        case RequirementCode.NOT_USED_BEFORE:
            text = ngettext(
                "differ from your last password",
                "differ from your last %(num)s passwords",
                int(value),
            )
    return Line(str(code), text, pattern, not_pattern)


_EXAMPLES = "! # $ % * + - = ? @ _"


def _one_of(characters: str) -> str:
    """Return an expression that finds one of ``characters``."""
    return "[" + "".join(f"\\{one}" if one in "\\]^-[" else one for one in characters) + "]"


_PLAIN: Mapping[FaultCode, Message] = MappingProxyType(
    {
        FaultCode.EMPTY: messages.PASSWORD_EMPTY,
        FaultCode.NO_UPPER: messages.PASSWORD_NO_UPPER,
        FaultCode.NO_LOWER: messages.PASSWORD_NO_LOWER,
        FaultCode.NO_DIGIT: messages.PASSWORD_NO_DIGIT,
        FaultCode.CONTROL_CHARACTER: messages.PASSWORD_CONTROL,
        FaultCode.CONTAINS_EMAIL: messages.PASSWORD_HAS_EMAIL,
        FaultCode.COMMON: messages.PASSWORD_COMMON,
        FaultCode.TOO_WEAK: messages.PASSWORD_WEAK,
        FaultCode.REPEAT_DIFFERS: messages.PASSWORD_DIFFERS,
    }
)
_NAMING: Mapping[FaultCode, Message] = MappingProxyType(
    {
        FaultCode.TOO_LONG: messages.PASSWORD_LONG,
        FaultCode.CONTAINS_USER_NAME: messages.PASSWORD_HAS_USER_NAME,
        FaultCode.CONTAINS_NAME: messages.PASSWORD_HAS_NAME,
        FaultCode.DICTIONARY_WORD: messages.PASSWORD_WORD,
    }
)
_COUNTING: Mapping[FaultCode, Message] = MappingProxyType(
    {FaultCode.TOO_SHORT: messages.PASSWORD_SHORT, FaultCode.USED_BEFORE: messages.PASSWORD_USED}
)


def add_faults(errors: FormErrors, faults: Iterable[Fault]) -> None:
    """Say every reason why a password was refused, at the field it belongs to."""
    for fault in faults:
        field = "repeat" if fault.code is FaultCode.REPEAT_DIFFERS else "password"
        _add_fault(errors, field, fault)


def _add_fault(errors: FormErrors, field: str, fault: Fault) -> None:
    if fault.code in _PLAIN:
        complain(errors, field, _PLAIN[fault.code])
    elif fault.code in _NAMING:
        complain(errors, field, _NAMING[fault.code], value=fault.value)
    elif fault.code in _COUNTING:
        complain_count(errors, field, _COUNTING[fault.code], int(fault.value))
    elif fault.code is FaultCode.NO_SPECIAL:
        complain(errors, field, messages.PASSWORD_NO_SPECIAL, examples=_EXAMPLES)
    else:
        forbidden = " ".join(FORBIDDEN)
        message = messages.PASSWORD_SPACE if fault.code is FaultCode.SPACE else messages.PASSWORD_FORBIDDEN
        values = {} if fault.code is FaultCode.SPACE else {"value": fault.value}
        complain(errors, field, message, forbidden=forbidden, **values)


def reason_to_change(due: PasswordDue) -> str:
    """Return why the password must be changed now."""
    if due is PasswordDue.TEMPORARY:
        return _(
            "You signed in with a temporary password. Choose your own now; the temporary one works no more."
        )
    return _("Your password has expired. Choose a new one to go on.")
