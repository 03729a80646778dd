"""The operator's own staff: somebody of Customer Relations, signed in, with the app that proves it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idp.domain.provisioning import GroupFacts
from idp.usecases.provision_group import provision_group
from kernel.audit import SYSTEM
from tests.support.gateway import SOURCE, Journey, PagesGateway

if TYPE_CHECKING:
    from tests.support.browser import Visitor
    from tests.support.gatehouse import Gatehouse

STAFF_ROLE = "registration-customer-relations"


def make_staff(gateway: PagesGateway | Gatehouse, *members: str, source: str = SOURCE) -> None:
    """Give the access role of Customer Relations to accounts, by a group of ``source``."""
    provision_group(
        gateway.services,
        actor=SYSTEM,
        source=source,
        facts=GroupFacts(
            external_id="grp:100000:staff",
            display_name="OPERATOR/Customer Relations functions",
            organization_id="100000",
            organization_short_name="OPERATOR",
            access_role_key=STAFF_ROLE,
            access_role_name="Customer Relations functions",
            application_key="online-registration",
            account_kinds=("personal",),
            source_version=1,
            document="{}",
            values=(),
        ),
        members=frozenset(members),
    )


def robin_clark(gateway: PagesGateway) -> tuple[Journey, str]:
    """Return the browser of Robin Clark of Customer Relations, signed in, and the secret of the app."""
    account = gateway.provision(
        "clarkr", given_name="Robin", family_name="Clark", email="robin@operator.example"
    )
    make_staff(gateway, account)
    robin = Journey(gateway)
    return robin, robin.activate("robin@operator.example")


def take_session(visitor: Visitor, journey: Journey, url: str, language: str = "en") -> None:
    """Let a real browser go on with the session of ``journey``, in a language."""
    values = {"gateway_language": language}
    for name in ("gateway_session", "gateway_browser"):
        cookie = journey.client.get_cookie(name)
        if cookie is not None:
            values[name] = cookie.value
    visitor.context.add_cookies(
        [{"name": name, "value": value, "url": url} for name, value in values.items()]
    )
