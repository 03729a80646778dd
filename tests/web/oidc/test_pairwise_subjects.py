"""Pairwise subjects (OIDC Core §8): one person, another name in each sector."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from idp.usecases.register_client import ClientOrder, Registered, RegistrationRefused, register_client
from kernel.audit import SYSTEM
from kernel.fetch import Fetcher, FetchRules
from tests.support.https_server import Documents, serving_documents
from tests.support.oidc import CALLBACK, claims_of, returned
from tests.support.sign_in_flows import finish, flow_token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.oidc import Op

OTHER = "https://reports.example/callback"


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Documents]:
    with serving_documents(tmp_path) as served:
        yield served


def tokens_of(op: Op, cookie: str, client_id: str, redirect_uri: str) -> dict[str, str]:
    location = op.authorize(cookie, client_id=client_id, redirect_uri=redirect_uri).header("location")
    code = location.partition("code=")[2].partition("&")[0]
    done: dict[str, str] = op.redeem(code, redirect_uri=redirect_uri, headers=op.basic(client_id)).json()
    return done


def sub_of(op: Op, cookie: str, client_id: str, redirect_uri: str = CALLBACK) -> str:
    done = tokens_of(op, cookie, client_id, redirect_uri)
    sub: str = claims_of(done["id_token"])["sub"]
    assert claims_of(done["access_token"])["sub"] == sub
    assert op.userinfo(done["access_token"]).json()["sub"] == sub
    for kind in ("access_token", "refresh_token"):
        assert op.introspect(done[kind], op.basic(client_id))["sub"] == sub
    renewed = op.refresh(done["refresh_token"], headers=op.basic(client_id)).json()
    assert claims_of(renewed["id_token"])["sub"] == sub
    return sub


def test_each_sector_knows_a_person_by_another_subject(op_on_both: Op) -> None:
    """OIDC Core §8.1: everywhere a token tells it; the same at each sign-in, and never the account's own id."""
    op = op_on_both
    op.client("public")
    op.client("one", subject_type="pairwise")
    op.client("two", subject_type="pairwise")
    op.client("far", subject_type="pairwise", redirect_uris=[OTHER])
    nora, omar = op.account("nora"), op.account("omar")
    cookie = op.session(nora)
    assert sub_of(op, cookie, "public") == nora
    sub = sub_of(op, cookie, "one")
    assert nora not in sub
    assert sub_of(op, op.session(nora), "two") == sub, "one host is one sector"
    assert sub_of(op, cookie, "far", OTHER) not in {nora, sub}
    assert sub_of(op, op.session(omar), "one") != sub


def test_introspection_does_not_undo_a_pairwise_subject(op: Op) -> None:
    """OIDC Core §8, RFC 7662 §2.2, §5: the user name is one everywhere, so two sectors would meet in it."""
    op.client("public")
    op.client("one", subject_type="pairwise")
    cookie = op.session(op.account("nora"))
    for client_id, told in (("public", "nora"), ("one", None)):
        code = returned(op.authorize(cookie, client_id=client_id))["code"]
        done = op.redeem(code, headers=op.basic(client_id)).json()
        for kind in ("access_token", "refresh_token"):
            assert op.introspect(done[kind], op.basic(client_id)).get("username") == told


def test_a_pairwise_subject_names_its_person_to_us(op: Op) -> None:
    """OIDC Core §3.1.2.1, §5.5.1: as a hint, as an asked-for sub, after a sign-in, and at logout."""
    op.client(subject_type="pairwise", post_logout_redirect_uris=["https://emi.example/bye"])
    nora, omar = op.account("nora"), op.account("omar")
    mine, other = op.session(nora), op.session(omar)
    hint = op.tokens(mine)["id_token"]
    asked = json.dumps({"id_token": {"sub": {"value": claims_of(hint)["sub"]}}})
    own_id = json.dumps({"id_token": {"sub": {"value": nora}}})
    assert "code" in returned(op.authorize(mine, id_token_hint=hint, claims=asked))
    assert returned(op.authorize(mine, claims=own_id, prompt="none"))["error"] == "login_required"
    for named in ({"id_token_hint": hint}, {"claims": asked}):
        assert returned(op.authorize(other, prompt="none", **named))["error"] == "login_required"
        for account, cookie, answer in ((nora, mine, "code"), (omar, other, "error")):
            flow = flow_token(op.authorize("", **named))
            finish(op, flow, account, cookie)
            assert answer in returned(op.get("/oauth2/authorize/resume", cookie, flow=flow))
    assert op.get("/oauth2/logout", other, id_token_hint=hint).status == 200, "another person is asked"
    left = op.get(
        "/oauth2/logout", mine, id_token_hint=hint, post_logout_redirect_uri="https://emi.example/bye"
    )
    assert left.header("location") == "https://emi.example/bye"


def sid_of(op: Op, cookie: str, client_id: str, redirect_uri: str = CALLBACK) -> str:
    done = tokens_of(op, cookie, client_id, redirect_uri)
    renewed = op.refresh(done["refresh_token"], headers=op.basic(client_id)).json()
    sid: str = claims_of(done["id_token"])["sid"]
    assert claims_of(renewed["id_token"])["sid"] == sid
    return sid


def test_each_sector_knows_a_session_by_another_name(op_on_both: Op) -> None:
    """OIDC Core §8.1: by one sid for all, two sectors could tell that two subjects are one person."""
    op = op_on_both
    op.client("public")
    op.client("one", subject_type="pairwise")
    op.client("two", subject_type="pairwise")
    op.client("far", subject_type="pairwise", redirect_uris=[OTHER])
    nora = op.account("nora")
    first, second = op.session(nora), op.session(nora)
    sid = sid_of(op, first, "one")
    assert sid_of(op, first, "two") == sid, "one host is one sector"
    assert len({sid, sid_of(op, first, "public"), sid_of(op, first, "far", OTHER)}) == 3
    assert sid_of(op, second, "one") != sid


def test_the_end_of_a_session_is_told_by_the_name_that_the_client_knows(op: Op) -> None:
    """Back-Channel Logout §2.4, Front-Channel Logout §3: the sid of the client's own ID tokens."""
    op.client(
        subject_type="pairwise",
        backchannel_logout_uri="https://emi.example/bc",
        frontchannel_logout_uri="https://emi.example/fc",
    )
    cookie = op.session(op.account())
    hint = op.tokens(cookie)["id_token"]
    sid = claims_of(hint)["sid"]
    (frame,) = json.loads(op.get("/oauth2/logout", cookie, id_token_hint=hint).header("x-fields"))["frames"]
    assert parse_qs(urlsplit(frame).query)["sid"] == [sid]
    assert [notice["sid"] for notice in op.notices()] == [sid]


def test_a_logout_notice_names_the_person_as_the_client_knows_her(op: Op) -> None:
    """Back-Channel Logout §2.4."""
    op.client(subject_type="pairwise", backchannel_logout_uri="https://emi.example/bc")
    cookie = op.session(op.account())
    hint = op.tokens(cookie)["id_token"]
    op.get("/oauth2/logout", cookie, id_token_hint=hint)
    assert [notice["sub"] for notice in op.notices()] == [claims_of(hint)["sub"]]


def test_hosts_become_one_sector_by_a_document_that_lists_them(op: Op, published: Documents) -> None:
    """OIDC Core §8.1, Registration §5: fetched by the guarded fetcher as the client registers."""
    two = {"redirect_uris": [CALLBACK, OTHER], "scope": "openid", "subject_type": "pairwise"}

    def outcome(**more: object) -> Registered | RegistrationRefused:
        return register_client(
            op.services, ClientOrder("new", "New", {**two, **more}), actor=SYSTEM, replace=True
        )

    def faults(**more: object) -> set[str]:
        found = outcome(**more)
        assert isinstance(found, RegistrationRefused)
        return {f"{fault.code} {fault.name}" for fault in found.faults}

    wrong = {"invalid_client_metadata sector_identifier_uri"}
    assert faults() == wrong
    address = published.put("/sector.json", json.dumps([CALLBACK]).encode())
    assert faults(sector_identifier_uri=address) == wrong, "this machine is not the open internet"
    assert published.asked == []
    rules = FetchRules(authority=published.authority, loopback=(published.host,))
    op.services = dataclasses.replace(op.services, fetcher=Fetcher(rules))
    for body in (json.dumps([CALLBACK]).encode(), b"{}", b"[1]", b"no json", b"[" * 9_000):
        published.put("/sector.json", body)
        assert faults(sector_identifier_uri=address) == wrong
    assert faults(sector_identifier_uri="http://emi.example/sector.json") == wrong
    published.put("/sector.json", json.dumps([OTHER, CALLBACK]).encode())
    found = outcome(sector_identifier_uri=address)
    assert isinstance(found, Registered)
    assert found.client.sector == "127.0.0.1"
