"""Fetching documents from addresses that others chose."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

import pytest

from kernel.errors import SettingsError
from kernel.fetch import Fetched, Fetcher, FetchRules, NotFetched, is_open
from tests.support.https_server import serving_documents

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/keys",
        "file:///etc/passwd",
        "ftp://127.0.0.1/keys",
        "https://user@127.0.0.1/keys",
        "https://127.0.0.1/keys#part",
        "https:///keys",
        "https://127.0.0.1:0/keys",
        "https://127.0.0.1:99999/keys",
        "https://127.0.0.1/ke ys",
        "https://127.0.0.1\\@example.org/keys",
        "https://127.0.0.1/\r\nHost: x",
        "https://127.0.0.1/" + "k" * 2_048,
        "https://é.example/keys",
    ],
)
def test_only_plain_https_addresses_are_taken(url: str) -> None:
    """OB-13: nothing is resolved or reached for any other address."""
    assert Fetcher().get(url) == NotFetched("address")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433", "10.0.0.1"])
def test_this_machine_and_its_networks_are_never_reached(host: str) -> None:
    """OB-13: what counts is the address a name leads to, however it is written."""
    assert Fetcher().get(f"https://{host}:9/keys") == NotFetched("not a public address")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - an address to be refused
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "64:ff9b::7f00:1",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_no_address_of_a_private_network_is_open(address: str) -> None:
    """OB-13: also where an IPv6 address wraps an IPv4 one."""
    assert not is_open(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_open(address: str) -> None:
    """The rest is let through."""
    assert is_open(ipaddress.ip_address(address))


def test_a_document_comes_whole_or_not_at_all(tmp_path: Path) -> None:
    """One host on loopback is let through by name; redirects, other statuses and long bodies are not taken."""
    with serving_documents(tmp_path) as served:
        rules = FetchRules(authority=served.authority, loopback=(served.host,), most_bytes=1_000, seconds=60)
        fetcher = Fetcher(rules)
        assert fetcher.get(served.put("/keys?of=1", b"{}")) == Fetched(b"{}")
        assert fetcher.get(served.put("/long", b"x" * 1_001)) == NotFetched("size")
        moved = served.put("/moved", b"", status=302, Location="/keys?of=1")
        assert fetcher.get(moved) == NotFetched("status 302")
        assert fetcher.get(f"{served.origin}/other") == NotFetched("status 404")
        assert served.asked == ["/keys?of=1", "/long", "/moved", "/other"]

        stranger = Fetcher(FetchRules(loopback=(served.host,)))
        assert stranger.get(f"{served.origin}/keys?of=1") == NotFetched("tls")
        beside = Fetcher(FetchRules(authority=served.authority, loopback=("127.0.0.1:1",)))
        assert beside.get(f"{served.origin}/keys?of=1") == NotFetched("not a public address")
        assert len(served.asked) == 4


def test_a_certificate_of_another_name_is_not_taken(tmp_path: Path) -> None:
    """RFC 9525 §6, IPSIE SL1: though its authority is trusted, and the connection goes to a looked-up address."""
    with serving_documents(tmp_path) as served:
        by_name = served.host.replace("127.0.0.1", "localhost")
        fetcher = Fetcher(FetchRules(authority=served.authority, loopback=(by_name, served.host)))
        assert fetcher.get(served.put("/keys", b"{}")) == Fetched(b"{}")
        assert fetcher.get(f"https://{by_name}/keys") == NotFetched("tls")
        assert served.asked == ["/keys"]


def test_a_host_let_through_has_to_be_this_machine() -> None:
    """The list opens loopback, and no network behind it."""
    assert Fetcher(FetchRules(loopback=("10.0.0.1:443",))).get("https://10.0.0.1/") == NotFetched(
        "not loopback"
    )


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    """The time is that of the whole exchange: it ends although the connection stands."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        fetcher = Fetcher(FetchRules(loopback=(host,), seconds=0.05))
        assert fetcher.get(f"https://{host}/") == NotFetched("time")
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{deaf.getsockname()[1]}"
        fetcher = Fetcher(FetchRules(loopback=(host,), seconds=60))
        assert fetcher.get(f"https://{host}/") == NotFetched("connection")


def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """An operator reads which file it is."""
    rules = FetchRules(authority=tmp_path / "none.pem", loopback=("127.0.0.1:1",))
    with pytest.raises(SettingsError, match=r"none\.pem"):
        Fetcher(rules).get("https://127.0.0.1:1/")
