"""What is counted of a unit: statements beside their transactions' marks, ways to the server, signatures."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from bench.counting import Messages, _watched, signatures_told, statements_told

_FIRST = """F\t41\tParse\t "switchyard_1" "SELECT a
FROM b WHERE c = $1" 1 25
F\t4\tSync
B\t4\tParseComplete
B\t5\tReadyForQuery\t I
"""
_TOGETHER = """F\t13\tParse\t "" "BEGIN" 0
F\t14\tBind\t "" "" 0 0 1 0
F\t6\tDescribe\t P ""
F\t9\tExecute\t "" 0
F\t30\tBind\t "" "switchyard_1" 1 0 1 3 'x"y' 1 0
F\t6\tDescribe\t P ""
F\t9\tExecute\t "" 0
F\t4\tSync
B\t4\tBindComplete
B\t11\tDataRow\t 1 1 'F'
B\t5\tReadyForQuery\t T
F\t13\tParse\t "" "COMMIT" 0
F\t14\tBind\t "" "" 0 0 1 0
F\t9\tExecute\t "" 0
F\t4\tSync
B\t5\tReadyForQuery\t I
"""


def test_a_prepared_statement_is_known_by_its_name_later() -> None:
    """To prepare it is no run, but a way to the server."""
    messages = Messages()
    assert messages.read(_FIRST) == ([], 1)
    run, ways = messages.read(_TOGETHER)
    assert [text.split()[0].strip('"') for text in run] == ["BEGIN", "SELECT", "COMMIT"]
    assert ways == 2


_WHOLE = """F\t30\tBind\t "" "switchyard_1" 1 0 1 3 'x' 1 0
F\t9\tExecute\t "" 0
F\t4\tSync
B\t5\tReadyForQuery\t I
"""


def test_what_is_written_in_one_way_is_a_transaction_by_itself() -> None:
    """And what is only read is none."""
    for statement, told in (("INSERT INTO b (a) VALUES ($1)", "1 in 1, 1 way"), ("SELECT $1", "1, 1 way")):
        messages = Messages({"switchyard_1": statement})
        assert statements_told(*messages.read(_WHOLE)) == told
    messages = Messages({"switchyard_1": "INSERT INTO b (a) VALUES ($1)"})
    asked, answered = _WHOLE[: _WHOLE.index("B\t")], _WHOLE[_WHOLE.index("B\t") :]
    messages.read(asked)
    assert statements_told(*messages.read(answered + asked)) == "1 in 1, 1 way", (
        "told as late as libpq tells it"
    )
    messages = Messages({"switchyard_1": "INSERT INTO b (a) VALUES ($1)"})
    run, ways = messages.read(_TOGETHER.replace("COMMIT", "SELECT 1"))
    assert (statements_told(run, ways), messages.state) == ("2, 2 ways", "I")


def test_a_simple_query_is_one_statement() -> None:
    run, ways = Messages().read('F\t12\tQuery\t "ROLLBACK"\nB\t5\tReadyForQuery\t I\n')
    assert ([text[:8] for text in run], ways) == (["ROLLBACK"], 1)


def test_the_marks_of_a_transaction_are_not_counted() -> None:
    marks = ["BEGIN IMMEDIATE", "SAVEPOINT unit", "RELEASE unit", "COMMIT", "SET LOCAL lock_timeout = '50ms'"]
    assert statements_told([*marks, " select 1", "UPDATE x SET y = 1"], 0) == "2 in 1"
    assert statements_told(["BEGIN", "SELECT 1", "COMMIT"] * 2, 3) == "2 in 2, 3 ways"
    assert statements_told(["SELECT 1"], 1) == "1, 1 way"
    assert statements_told([], 0) == "0"


def test_signatures_are_counted_whoever_asks_for_them() -> None:
    signed: list[str] = []
    curve, edwards = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    with _watched(signed):
        signature = curve.sign(b"one", ec.ECDSA(SHA256()))
        sign = edwards.sign
        sign(b"two")
        curve.public_key().verify(signature, b"one", ec.ECDSA(SHA256()))
    assert signatures_told(signed) == "2 made, 1 verified"


def test_a_message_authentication_code_is_no_signature() -> None:
    signed: list[str] = []
    made, checked = HMAC(bytes(32), SHA256()), HMAC(bytes(32), SHA256())
    with _watched(signed):
        checked.verify(made.finalize())
    assert signatures_told(signed) == "0"
