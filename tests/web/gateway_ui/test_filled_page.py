"""The sign-in page is rendered once and filled in after: what comes out is what the template would have said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from gateway_ui.web.context import fill, render
from idp.domain.client_face import ClientFace
from kernel.web.language import use_language
from tests.support.forms import token_of
from tests.support.gateway import Journey

if TYPE_CHECKING:
    from collections.abc import Hashable

    from werkzeug.wrappers import Response

    from tests.support.gateway import PagesGateway

TOKEN = re.compile(r'(name="csrf_token" value=")([\w=-]+)"')
ODD = "\"><script>alert('1')</script>&amp;{{ 7 }} %(x)s\ue000"
FACE = ClientFace("Name & <b>", "https://rp.test/logo.png?a=1&b=2", "https://rp.test/p", "")


def _likeness(page: Response) -> tuple[object, ...]:
    text = TOKEN.sub(r"\1", page.get_data(as_text=True))
    return page.status_code, text, sorted(name for name, _ in page.headers)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("client", [None, FACE])
@pytest.mark.parametrize("odd", [ODD, "", "fieldn"])
@pytest.mark.parametrize("fixed", [True, False])
def test_a_filled_page_is_the_rendered_page(
    gateway: PagesGateway, language: str, client: ClientFace | None, odd: str, *, fixed: bool
) -> None:
    """ASVS 1.2.1: the same bytes but for the tokens, and everything that varies is escaped."""
    constants: dict[str, Hashable] = {
        "client": client,
        "username_is_fixed": fixed,
        "remember": not fixed,
        "passkeys": True,
        "disclaimer": "Sentence <i>",
    }
    for flow in ("one", f"two{odd}"):  # the second is filled into what the first one made
        varies = {
            "username": odd or flow,
            "client_name": odd,
            "action": f"/sign-in?flow={flow}",
            "again": f"/sign-in/again?flow={flow}",
            "passkey_action": f"/a?flow={flow}",
            "passkey_options": f"/o?flow={flow}",
            "account_name": odd,
        }
        with gateway.app.test_request_context(f"/sign-in?flow={odd and 'x'}{flow[:3]}"):
            use_language(language)
            filled = fill("sign_in.html", varies=varies, **constants)
            rendered = render("sign_in.html", status=200, headers=None, errors=None, **varies, **constants)
            assert _likeness(filled) == _likeness(rendered)
            assert "<script>alert" not in filled.get_data(as_text=True)


def test_what_varies_belongs_to_one_request_alone(gateway: PagesGateway) -> None:
    """SE-05, SE-06: form tokens, flow and address of a page are of its own browser, however many were before."""
    first, second = Journey(gateway), Journey(gateway)
    one, other = first.open("/sign-in"), second.open("/sign-in")
    tokens = {value for page in (one, other) for _, value in TOKEN.findall(page.text)}
    assert len(tokens) == 2
    flows = [set(re.findall(r"flow=([\w-]{20,})", page.text)) for page in (one, other)]
    assert [len(each) for each in flows] == [1, 1]
    assert not flows[0] & flows[1]
    again = first.client.get(one.request.full_path)
    assert token_of(again.text) != token_of(one.text)  # masked anew on each page


def test_a_change_of_the_constants_is_seen_at_once(gateway: PagesGateway) -> None:
    with gateway.app.test_request_context("/sign-in"):
        for sentence in ("One sentence", "Another sentence"):
            page = fill(
                "sign_in.html",
                varies={"action": "/sign-in", "username": ""},
                disclaimer=sentence,
            )
            assert sentence in page.get_data(as_text=True)
