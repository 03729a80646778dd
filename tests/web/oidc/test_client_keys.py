"""Client keys at an address of the client's own (jwks_uri)."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey

from idp.domain.client import Client, client_from
from idp.outbound.client_keys import RemoteKeys
from idp.usecases.register_client import ClientOrder, RegistrationRefused, register_client
from kernel.audit import SYSTEM
from kernel.errors import BusyError
from kernel.fetch import Fetcher, FetchRules
from tests.support.https_server import Documents, serving_documents
from tests.support.oidc import Op, an_assertion, public_keys
from tests.support.self_registration import registered, registering

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.web.http import Response

FIRST = ECKey.generate_key("P-256", {"kid": "first"})
SECOND = ECKey.generate_key("P-256", {"kid": "second"})
# 1024 bits: the number itself is of no matter, because nobody may ever ask it.
WEAK = {"kty": "RSA", "kid": "weak", "n": "w" * 170, "e": "AQAB"}


class Watch:
    """A clock that is turned by hand."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Documents]:
    with serving_documents(tmp_path) as served:
        yield served


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def machine(op: Op, published: Documents, watch: Watch) -> Op:
    rules = FetchRules(authority=published.authority, loopback=(published.host,), seconds=60)
    op.services = dataclasses.replace(op.services, fetcher=Fetcher(rules), remote_keys=RemoteKeys(watch))
    op.__post_init__()
    op.machine(
        token_endpoint_auth_method="private_key_jwt",
        jwks_uri=f"{published.origin}/keys",
    )
    return op


def publish(published: Documents, *keys: ECKey, beside: tuple[dict[str, object], ...] = ()) -> None:
    rows = [*public_keys(*keys)["keys"], *beside] if keys else list(beside)
    published.put("/keys", json.dumps({"keys": rows}).encode())


def status(op: Op, key: ECKey, serial: str) -> int:
    fields = an_assertion("m2m", key=key, jti=serial)
    return op.post("/oauth2/token", {"grant_type": "client_credentials", **fields}).status


def test_a_new_key_is_taken_when_it_is_first_named(machine: Op, published: Documents, watch: Watch) -> None:
    """CA-08, OIDC Core §10.1.1: one fetch serves many requests, and a key that is not known brings the next."""
    publish(published, FIRST)
    assert [status(machine, FIRST, f"a{n}") for n in range(3)] == [200, 200, 200]
    watch.seconds += 2
    assert status(machine, SECOND, "b") == 401
    publish(published, SECOND)
    watch.seconds += 2
    assert status(machine, SECOND, "c") == 200
    assert status(machine, FIRST, "d") == 401
    assert len(published.asked) == 4


def test_a_key_that_changes_right_after_it_was_read_is_taken(machine: Op, published: Documents) -> None:
    """OIDC Core §10.1.1: whatever the hour of the change; only who could not tell is not asked again at once."""
    for key in (FIRST, SECOND):
        publish(published, key)
        assert status(machine, key, f"at once {key.kid}") == 200
    strangers = [ECKey.generate_key("P-256", {"kid": f"s{n}"}) for n in range(2)]
    assert [status(machine, key, key.kid or "") for key in strangers] == [401, 401]
    assert len(published.asked) == 3


def test_unknown_names_do_not_make_us_a_flood(machine: Op, published: Documents, watch: Watch) -> None:
    """CA-13: whatever names come, one address is asked at most five times a minute; known keys go on."""
    machine.services = dataclasses.replace(
        machine.services, settings=machine.services.settings.model_copy(update={"limits": False})
    )
    machine.__post_init__()
    publish(published, FIRST)
    strangers = [ECKey.generate_key("P-256", {"kid": f"s{n}"}) for n in range(9)]
    for key in strangers:
        assert status(machine, key, key.kid or "") == 401
        watch.seconds += 2
    assert len(published.asked) == 5
    assert status(machine, FIRST, "known") == 200
    watch.seconds += 61
    assert status(machine, strangers[0], "later") == 401
    assert len(published.asked) == 6


def test_a_server_that_is_down_does_not_take_its_client_along(
    machine: Op, published: Documents, watch: Watch
) -> None:
    """The last answer is good for an hour, and then nothing is."""
    publish(published, FIRST)
    assert status(machine, FIRST, "a") == 200
    published.put("/keys", b"down", status=503)
    watch.seconds += 600
    assert status(machine, FIRST, "b") == 200
    watch.seconds += 3_600
    assert status(machine, FIRST, "c") == 401


def test_a_silent_server_holds_up_nobody_but_who_asks_it(
    machine: Op, published: Documents, watch: Watch
) -> None:
    """CA-13: the others go by the keys that are known; what only the answer could tell is asked for again."""
    publish(published, FIRST)
    assert status(machine, FIRST, "a") == 200
    watch.seconds += 600
    published.goes_on.clear()
    published.reached.clear()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(status, machine, FIRST, "b")
        assert published.reached.wait(30)
        assert status(machine, FIRST, "c") == 200
        fields = an_assertion("m2m", key=SECOND, jti="d")
        early = machine.post("/oauth2/token", {"grant_type": "client_credentials", **fields})
        assert (early.status, dict(early.headers)["Retry-After"]) == (503, "5")
        publish(published, FIRST, SECOND)
        published.goes_on.set()
        assert asking.result(30) == 200
    again = machine.post("/oauth2/token", {"grant_type": "client_credentials", **fields})
    assert again.status == 200, "nothing was spent, and nothing counted, by a request that was told to wait"
    assert machine.audit("gateway:client:refused") == []


def test_silent_servers_of_strangers_hold_up_one_request_of_ours(machine: Op, published: Documents) -> None:
    """CA-13, RFC 7591 §5: however many addresses strangers register, the threads stay everybody's."""
    registering(machine, "open")

    def asks(name: str) -> Response:
        metadata = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": f"{published.origin}/{name}"}
        client_id = registered(machine, **metadata)["client_id"]
        fields = {"grant_type": "authorization_code", "code": "none", **an_assertion(client_id, key=FIRST)}
        return machine.post("/oauth2/token", fields)

    published.put("/one", json.dumps(public_keys(FIRST)).encode())
    published.put("/two", json.dumps(public_keys(FIRST)).encode())
    published.goes_on.clear()
    published.reached.clear()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(asks, "one")
        assert published.reached.wait(30)
        held = asks("two")
        assert (held.status, dict(held.headers)["Retry-After"]) == (503, "5")
        published.goes_on.set()
        assert asking.result(30).json()["error"] == "invalid_grant"
    assert asks("two").json()["error"] == "invalid_grant"


def _client(name: str, published: Documents, *, registered_by: str = "") -> Client:
    metadata = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": f"{published.origin}/{name}"}
    fields = {
        "id": name,
        "name": name,
        "description": "",
        "application_key": "",
        "launch_url": "",
        "profile": "default",
        "first_party": False,
        "disabled_at": None,
        "version": 1,
        "registered_by": registered_by,
    }
    return client_from(fields, metadata)


def _fetcher(published: Documents) -> Fetcher:
    return Fetcher(FetchRules(authority=published.authority, loopback=(published.host,), seconds=60))


@pytest.mark.parametrize(("registered_by", "places"), [("", 2), ("open", 1)])
def test_an_answer_that_is_overdue_is_waited_for_by_nobody(
    published: Documents, watch: Watch, registered_by: str, places: int
) -> None:
    """CA-13: neither by requests of the same client, nor by those of others whose servers have no turn."""
    remote = RemoteKeys(watch, patience=86_400)
    fetcher = _fetcher(published)
    names = [f"silent-{n}" for n in range(places)]
    for name in (*names, "third"):
        published.put(f"/{name}", json.dumps(public_keys(FIRST)).encode())
    published.goes_on.clear()
    published.reached.clear()

    def find(name: str) -> object:
        return remote.find(fetcher, _client(name, published, registered_by=registered_by), "first")

    with ThreadPoolExecutor(places) as pool:
        asking = [pool.submit(find, name) for name in names]
        while len(published.asked) < places:
            assert published.reached.wait(30)
            published.reached.clear()
        watch.seconds += 86_401
        for name in (*names, *names, "third"):
            with pytest.raises(BusyError):
                find(name)
        published.goes_on.set()
        assert all(each.result(30) for each in asking)
    assert find("third")
    assert len(published.asked) == places + 1


def test_the_addresses_in_use_are_remembered_whoever_registers_how_many(
    published: Documents, watch: Watch
) -> None:
    """CA-13: the one longest out of use is forgotten, and strangers take no place of an operator's client."""
    remote = RemoteKeys(watch)
    nowhere = Fetcher(FetchRules())
    for name in ("used", "unused", "ours"):
        published.put(f"/{name}", json.dumps(public_keys(FIRST)).encode())
    used = _client("used", published, registered_by="open")
    unused = _client("unused", published, registered_by="open")
    ours = _client("ours", published)
    for each in (used, unused, ours):
        assert remote.find(_fetcher(published), each, "first")
    for number in range(600):
        assert remote.find(nowhere, _client(f"s{number}", published, registered_by="open"), "first") is None
        assert remote.find(nowhere, used, "first")
    assert remote.find(nowhere, ours, "first")
    assert remote.find(nowhere, unused, "first") is None


@pytest.mark.filterwarnings("ignore:Key size")
def test_only_public_and_strong_signing_keys_count(machine: Op, published: Documents) -> None:
    """RFC 8725 §3.5: what else a key set holds is passed by, and nothing of it signs."""
    private = SECOND.as_dict(private=True)
    secret = OctKey.generate_key(256, {"kid": "oct"}).as_dict(private=True)
    sealing = {**ECKey.generate_key("P-256", {"kid": "enc"}).as_dict(private=False), "use": "enc"}
    publish(published, FIRST, beside=(private, secret, sealing, WEAK, {"kty": "new"}))
    assert status(machine, FIRST, "a") == 200
    assert status(machine, SECOND, "b") == 401


@pytest.mark.parametrize("body", [b"", b"[]", b'{"keys": {}}', b'{"keys": []}', b"[" * 9_000])
def test_a_document_that_is_no_key_set_authenticates_nobody(
    machine: Op, published: Documents, body: bytes
) -> None:
    """CA-08: refused, and no traceback."""
    published.put("/keys", body)
    assert status(machine, FIRST, "a") == 401


@pytest.mark.parametrize(
    "metadata",
    [
        {"jwks_uri": "http://emi.example/keys"},
        {"jwks_uri": "https://emi.example/keys#one"},
        {"jwks_uri": "https://emi.example/keys", "jwks": public_keys(FIRST)},
        {},
    ],
)
def test_keys_come_by_value_or_from_one_https_address(op: Op, metadata: dict[str, object]) -> None:
    """RFC 7591 §2: never both, and never neither where keys are the proof."""
    order = ClientOrder(
        id="m2m",
        name="Machine",
        metadata={
            "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": "private_key_jwt",
            "scope": "scim.read",
            **metadata,
        },
    )
    assert isinstance(register_client(op.services, order, actor=SYSTEM), RegistrationRefused)


@pytest.mark.parametrize("curve", ["Ed448", "X25519"])
def test_ed25519_is_the_one_curve_of_its_kind(op: Op, curve: str) -> None:
    """FAPI 2.0 §5.4, RFC 8037: EdDSA is that of Ed25519; other OKP keys are refused by name."""
    key = OKPKey.generate_key(curve, {"kid": "okp"})  # type: ignore[arg-type]
    order = ClientOrder(
        id="m2m",
        name="Machine",
        metadata={
            "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": "private_key_jwt",
            "scope": "scim.read",
            "jwks": public_keys(key),
        },
    )
    refused = register_client(op.services, order, actor=SYSTEM)
    assert isinstance(refused, RegistrationRefused)
    assert [fault.message for fault in refused.faults] == ["OKP keys have to be on Ed25519"]
