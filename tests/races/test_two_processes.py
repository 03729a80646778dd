"""What works once works once over all nodes: two processes, six threads in each, one database."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from idp.usecases.decide_device import DeviceDecided
from kernel.web.http import FORM
from tests.support.another_process import Sent, processes_over
from tests.support.devices import GRANT, ask, decided, television
from tests.support.dpop import Holder
from tests.support.oidc import CALLBACK, ISSUER, VERIFIER, Op, an_assertion, an_op, public_keys

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.another_process import Processes, Told

pytestmark = pytest.mark.race
ROUNDS = 3
INFO = f"{ISSUER}/oauth2/userinfo"


def posted(path: str, fields: dict[str, str], headers: dict[str, str]) -> Sent:
    return Sent(path, body=urlencode(fields), headers={"content-type": FORM, **headers})


def refusals(answers: list[Told], *, won: int) -> set[tuple[int, str]]:
    """Return how the others were refused, if exactly one was served."""
    assert [answer.status for answer in answers].count(won) == 1, answers
    return {(answer.status, answer.error) for answer in answers if answer.status != won}


def proofs(op: Op, processes: Processes) -> None:
    op.machine()
    holder = Holder(op).learn("m2m")
    machine = {"grant_type": "client_credentials"}
    for _ in range(ROUNDS):
        asked = posted("/oauth2/token", machine, {**op.basic("m2m"), **holder.proof()})
        assert refusals(processes.send(asked), won=200) == {(400, "invalid_dpop_proof")}
    op.client()
    cookie = op.session(op.account())
    bound = op.redeem(op.code(cookie), headers={**op.basic(), **holder.proof()}).json()["access_token"]
    for _ in range(ROUNDS):
        proof = holder.proof(INFO, "GET", token=bound)
        asked = Sent("/oauth2/userinfo", headers={"authorization": f"DPoP {bound}", **proof})
        assert refusals(processes.send(asked), won=200) == {(401, "invalid_dpop_proof")}


def assertions(op: Op, processes: Processes) -> None:
    op.machine("signer", token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    machine = {"grant_type": "client_credentials"}
    for number in range(ROUNDS):
        proof = an_assertion("signer", jti=f"race-{number}")
        asked = posted("/oauth2/token", {**machine, **proof}, {})
        assert refusals(processes.send(asked), won=200) == {(401, "invalid_client")}


def codes(op: Op, processes: Processes, cookie: str) -> None:
    for _ in range(ROUNDS):
        code = op.code(cookie)
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        answers = processes.send(posted("/oauth2/token", fields, op.basic()))
        assert refusals(answers, won=200) == {(400, "invalid_grant")}


def pushed_requests(op: Op, processes: Processes, cookie: str) -> None:
    for _ in range(ROUNDS):
        name = op.post("/oauth2/par", op.ask(), headers=op.basic()).json()["request_uri"]
        query = urlencode({"client_id": "emi", "request_uri": name})
        answers = processes.send(Sent("/oauth2/authorize", query=query, headers=op.cookies(cookie)))
        assert ["code=" in answer.location for answer in answers].count(True) == 1


def refresh_tokens(op: Op, processes: Processes, cookie: str) -> None:
    for _ in range(ROUNDS):
        token = op.tokens(cookie)["refresh_token"]
        asked = posted("/oauth2/token", {"grant_type": "refresh_token", "refresh_token": token}, op.basic())
        assert {answer.status for answer in processes.send(asked)} == {200}
        assert op.refresh(token).status == 200, "the one heir is the answer to all within the grace"


def device_codes(op: Op, processes: Processes, cookie: str) -> None:
    television(op)
    for _ in range(ROUNDS):
        told = ask(op)
        assert isinstance(decided(op, cookie, told), DeviceDecided)
        fields = {"grant_type": GRANT, "device_code": told["device_code"], "client_id": "tv"}
        answers = processes.send(posted("/oauth2/token", fields, {}))
        assert refusals(answers, won=200) == {(400, "invalid_grant")}


def test_of_two_processes_one_spends(gateway_database: Database) -> None:
    """RFC 9449 §11.1, RFC 7523 §3, TK-01, RFC 9126 §7.3, RT-03, RFC 8628 §3.5: the database decides, whatever a process knows."""
    op = an_op(gateway_database, limits=False)
    with processes_over(gateway_database) as processes:
        proofs(op, processes)
        assertions(op, processes)
        cookie = op.session(op.account("second"))
        codes(op, processes, cookie)
        pushed_requests(op, processes, cookie)
        refresh_tokens(op, processes, cookie)
        device_codes(op, processes, cookie)
