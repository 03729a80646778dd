"""Front-Channel Logout 1.0: who may register, who hears of an end, and where the browser goes then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from idp.domain.client_metadata import kept, metadata_faults
from idp.usecases.disable_client import disable_client
from kernel.audit import SYSTEM
from tests.support.oidc import CALLBACK, ISSUER, claims_of

if TYPE_CHECKING:
    from tests.support.oidc import Op

BACK = "https://emi.example/signed-out"
FRAME = "https://emi.example/fc?x=1"


def held(op: Op, cookie: str, **query: str) -> dict[str, object]:
    """Return what the page of a logout holds."""
    answer = op.get("/oauth2/logout", cookie, **query)
    assert answer.status == 200
    found: dict[str, object] = json.loads(answer.header("x-fields"))
    return found


@pytest.mark.parametrize(
    "uri",
    [
        "http://emi.example/fc",
        "https://other.example/fc",
        "https://emi.example:8443/fc",
        "https://emi.example/fc#x",
        "https://user@emi.example/fc",
        "javascript:alert(1)",
        "https://emi.example/a b",
        "https://[emi.example/fc",
        "",
        7,
    ],
)
def test_a_frame_is_https_and_of_the_origin_of_a_redirection_uri(uri: object) -> None:
    """Front-Channel Logout §2: scheme, host and port of a registered redirection URI; no fragment."""
    metadata = {"redirect_uris": [CALLBACK], "frontchannel_logout_uri": uri}
    if uri == "":
        assert "frontchannel_logout_uri" not in kept(metadata)
    else:
        faults = metadata_faults(kept(metadata), loopback_http=True)
        assert [fault.name for fault in faults] == ["frontchannel_logout_uri"]


@pytest.mark.parametrize("uri", ["https://other.example/fc", "http://[::1]:9000/fc", "http://127.0.0.1:1/fc"])
def test_a_frame_of_another_origin_is_told_to_be_one(uri: str) -> None:
    """Front-Channel Logout §2: http is not what is wrong with it where loopback addresses may use it."""
    metadata = {"redirect_uris": ["http://127.0.0.1:8002/cb"], "frontchannel_logout_uri": uri}
    faults = metadata_faults(kept(metadata), loopback_http=True)
    assert ["scheme, host and port" in fault.message for fault in faults] == [True]


def test_what_is_right_is_registered() -> None:
    """A loopback address is for demonstrations, and only where the client's sign-in lives there, too."""
    good = {
        "redirect_uris": [CALLBACK],
        "frontchannel_logout_uri": FRAME,
        "frontchannel_logout_session_required": True,
    }
    assert metadata_faults(kept(good)) == ()
    local = {
        "redirect_uris": ["http://127.0.0.1:8002/cb"],
        "frontchannel_logout_uri": "http://127.0.0.1:8002/fc",
    }
    assert metadata_faults(kept(local), loopback_http=True) == ()
    assert metadata_faults(kept(local)) != ()
    assert metadata_faults(kept(good | {"frontchannel_logout_session_required": "yes"})) != ()


def test_every_client_of_the_session_gets_a_frame_and_the_browser_goes_on(op_on_both: Op) -> None:
    """§3, §4: iss and sid in each; those of this session and no others; state comes back at the end."""
    op = op_on_both
    op.client(post_logout_redirect_uris=[BACK], frontchannel_logout_uri=FRAME)
    for name in ("reports", "never", "gone"):
        op.client(
            name,
            redirect_uris=[CALLBACK, f"https://{name}.example/cb"],
            frontchannel_logout_uri=f"https://{name}.example/fc",
        )
    op.client("silent")
    cookie = op.session(op.account())
    hint = str(op.tokens(cookie)["id_token"])
    for name in ("reports", "gone"):
        op.code(cookie, client_id=name)
    op.code(cookie, client_id="silent")
    disable_client(op.services, client_id="gone", actor=SYSTEM)
    elsewhere = op.session(op.account("omar"))
    op.code(elsewhere, client_id="never")
    page = held(op, cookie, id_token_hint=hint, post_logout_redirect_uri=BACK, state="a&b")
    assert (page["onward"], page["client"]) == (f"{BACK}?state=a%26b", "The emi")
    frames = [urlsplit(str(address)) for address in page["frames"]]  # type: ignore[attr-defined]
    assert [frame.netloc for frame in frames] == ["emi.example", "reports.example"]
    for frame in frames:
        asked = parse_qs(frame.query)
        assert (asked["iss"], asked["sid"]) == ([ISSUER], [claims_of(hint)["sid"]])
    assert parse_qs(frames[0].query)["x"] == ["1"], "a query that was registered stays (§2)"
    again = op.get("/oauth2/logout", cookie, id_token_hint=hint, post_logout_redirect_uri=BACK)
    assert (again.status, again.header("location")) == (303, BACK), "nobody is told twice"


def test_without_an_address_to_go_on_to_the_page_stays(op: Op) -> None:
    """RP-Initiated Logout §2: after the person's own yes; the page is the last one."""
    op.client(frontchannel_logout_uri=FRAME)
    cookie = op.session(op.account())
    op.code(cookie)
    question = json.loads(op.get("/oauth2/logout", cookie).header("x-fields"))
    done = op.post("/oauth2/logout", question, headers=op.cookies(cookie))
    page = json.loads(done.header("x-fields"))
    assert (len(page["frames"]), page["onward"]) == (1, "")
    assert "__Host-gateway_session=;" in done.header("set-cookie")


def test_discovery_tells_of_it(op: Op) -> None:
    """§3: with sessions."""
    document = op.get("/.well-known/openid-configuration").json()
    assert document["frontchannel_logout_supported"] is True
    assert document["frontchannel_logout_session_supported"] is True
