"""What a provisioning request is called on the operator's pages, what its refusal means, and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from idp.domain.account import Account
from idp.domain.group import GroupsOf
from idp.domain.provisioning_log import Operation, Outcome, RequestRecord
from idp.usecases.find_provisioning_requests import Shown
from kernel.translations import mark
from kernel.web.language import gettext as _
from kernel.web.language import ngettext


@dataclass(frozen=True, slots=True)
class Advice:
    """What a refusal means, and what somebody can do about it."""

    meaning: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a request ended, in one word and its colour."""

    text: str
    colour: str


SHOWN: Mapping[Shown, str] = MappingProxyType(
    {
        Shown.TOLD: mark("Changes and refusals"),
        Shown.REFUSED: mark("Refusals only"),
        Shown.DONE: mark("Changes only"),
        Shown.EVERYTHING: mark("Everything, reading too"),
    }
)

_DEEDS: Mapping[tuple[Operation, str], str] = MappingProxyType(
    {
        (Operation.CREATE, "User"): mark("Create account"),
        (Operation.READ, "User"): mark("Read account"),
        (Operation.SEARCH, "User"): mark("Search accounts"),
        (Operation.REPLACE, "User"): mark("Replace account"),
        (Operation.CHANGE, "User"): mark("Change account"),
        (Operation.DELETE, "User"): mark("Delete account"),
        (Operation.CREATE, "Group"): mark("Create group"),
        (Operation.READ, "Group"): mark("Read group"),
        (Operation.SEARCH, "Group"): mark("Search groups"),
        (Operation.REPLACE, "Group"): mark("Replace group"),
        (Operation.CHANGE, "Group"): mark("Change group"),
        (Operation.DELETE, "Group"): mark("Delete group"),
        (Operation.BULK, ""): mark("Bulk job"),
        (Operation.SEARCH, ""): mark("Search accounts and groups"),
        (Operation.READ, ""): mark("Read the description of the service"),
    }
)
_OTHER = mark("Another request")
_NAMED = re.compile(r"(?:(?<=')|(?<=: ))([A-Za-z][\w.:]*)(?='|$)")

_ADVICE: Mapping[tuple[int, str], Advice] = MappingProxyType(
    {
        (409, "uniqueness"): Advice(
            mark("Another account or group already has this user ID, external ID or display name."),
            mark(
                "Search for the name here to see who has it. If it is the same person, the sender must take "
                "over that account, or the old one must be deleted. If not, the person needs another user "
                "ID."
            ),
        ),
        (409, ""): Advice(
            mark("A later change had arrived already, or another operation stood in the way."),
            mark("Look at the newer requests about it. If they were done, there is nothing to do."),
        ),
        (400, "mutability"): Advice(
            mark("The request would change an attribute that never changes, such as the kind of an account."),
            mark("The person needs a new account, or the sender must leave this attribute as it is."),
        ),
        (400, "invalidValue"): Advice(
            mark("A value is missing or not valid; the reason names the attribute."),
            mark(
                "Correct the value where the person is registered. A member that does not exist was often "
                "refused before: search for the person to see it."
            ),
        ),
        (400, "invalidFilter"): Advice(
            mark("The sender searched in a way that cannot be understood. Nothing was changed."),
            mark("This is for whoever runs the sender: its search has to be corrected."),
        ),
        (400, "noTarget"): Advice(
            mark("The request would change an entry that the account or group does not have."),
            mark("This is for whoever runs the sender: what it knows of the account is out of date."),
        ),
        (400, ""): Advice(
            mark("The request was not written as the standard demands. Nothing was changed."),
            mark("This is for whoever runs the sender. Tell them the reference, the time and the reason."),
        ),
        (401, ""): Advice(
            mark("The sender's access token has expired, or is made for another service."),
            mark("Whoever runs the sender must renew its token. Until then nothing it sends arrives."),
        ),
        (403, "sensitive"): Advice(
            mark(
                "The sender put its access token into the address of the request, where others can read it."
            ),
            mark(
                "Whoever runs the sender must send the token in the header alone, and have a new one made in "
                "the place of this one."
            ),
        ),
        (403, ""): Advice(
            mark("The sender may not do this: it lacks the permission, or the account is protected."),
            mark("Ask the administrator of the Gateway whether the sender should be allowed to."),
        ),
        (404, ""): Advice(
            mark("The account or group is not there, or belongs to another sender."),
            mark("It was deleted, or it was never created: look for an earlier request that was refused."),
        ),
        (412, ""): Advice(
            mark("The account or group had been changed in the meantime."),
            mark("The sender reads it again and repeats the change. Look whether it was done later."),
        ),
        (413, ""): Advice(
            mark("The request was too large."),
            mark("This is for whoever runs the sender: it must send less at once."),
        ),
        (428, ""): Advice(
            mark("The sender must say which version of the account it changes, and did not."),
            mark("This is for whoever runs the sender."),
        ),
        (429, ""): Advice(
            mark("The sender sent more requests than it may within a short time."),
            mark("It tries again by itself. If it goes on, its limit can be raised."),
        ),
        (503, ""): Advice(
            mark("The Gateway was busy for a moment."),
            mark("The sender tries again by itself. Look whether the change was done later."),
        ),
        (500, ""): Advice(
            mark("Something went wrong in the Gateway. Nothing was changed."),
            mark("Tell the administrator of the Gateway the reference: the cause stands in its log."),
        ),
    }
)


_LEFT_OUT = Advice(
    mark("Members that nobody knows were left out of the group. Everything else was done."),
    mark(
        "Search for the person: the account was never made, was deleted, or belongs to another sender. Once "
        "it is there, the sender has to put it into the group again."
    ),
)


def deed(record: RequestRecord) -> str:
    """Return what the request asked for, in the language of the page."""
    return _(_DEEDS.get((record.operation, record.resource), _OTHER))


def verdict(record: RequestRecord) -> Verdict:
    """Return how the request ended, in the language of the page."""
    if record.status >= 500:
        return Verdict(_("Failed"), "red")
    if record.outcome is Outcome.REFUSED:
        return Verdict(_("Refused"), "red")
    if record.outcome is Outcome.READ:
        return Verdict(_("Read"), "grey")
    if record.operation in (Operation.CHANGE, Operation.REPLACE) and not _changes(record):
        return (
            Verdict(_("Nothing changed"), "yellow")
            if record.left_out
            else Verdict(_("Nothing to do"), "grey")
        )
    return Verdict(_("Done"), "green")


def advice(record: RequestRecord) -> Advice | None:
    """Return what the refusal means and what to do, in the language of the page; None where all went well.

    Where members were left out, all did not.
    """
    if record.outcome is not Outcome.REFUSED:
        return Advice(_(_LEFT_OUT.meaning), _(_LEFT_OUT.next_step)) if record.left_out else None
    family = 500 if record.status >= 500 else 400
    for key in ((record.status, record.scim_type), (record.status, ""), (family, "")):
        if key in _ADVICE:
            found = _ADVICE[key]
            return Advice(_(found.meaning), _(found.next_step))
    return None


def named(record: RequestRecord) -> str:
    """Return what the reason of a refusal is about: the attributes and parameters it names, in its order.

    Their names are the same in every language; the sentence around them is English.
    """
    return ", ".join(dict.fromkeys(_NAMED.findall(record.reason)))


def state(account: Account) -> Verdict:
    """Return how an account stands, in the language of the page."""
    if account.locked_at is not None:
        return Verdict(_("Locked"), "red")
    if not account.active:
        return Verdict(_("Deactivated"), "red")
    if account.awaits_activation:
        return Verdict(_("Waits for activation"), "yellow")
    return Verdict(_("Active"), "green")


def groups(found: GroupsOf) -> str:
    """Return the groups of an account, and how many more there are, in the language of the page."""
    names = ", ".join(found.names)
    if not found.more:
        return names or _("None")
    return ngettext("%(names)s, and %(num)s more", "%(names)s, and %(num)s more", found.more, names=names)


def _changes(record: RequestRecord) -> bool:
    return bool(record.changed or record.added or record.removed)
