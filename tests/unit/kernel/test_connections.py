"""Connections that stand still, told from those that do not, and ended."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kernel.connections import Connections

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def _connected(listener: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give the peer's end and ours."""
    with socket.create_connection(listener.getsockname(), timeout=10) as peer:
        ours, _ = listener.accept()
        with ours:
            ours.setblocking(False)
            yield peer, ours


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listen on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _fill(ours: socket.socket) -> None:
    """Send until the peer, which takes nothing, can be sent no more."""
    try:
        while True:
            ours.send(bytes(65_536))
    except BlockingIOError:
        return


def _has_ended(peer: socket.socket) -> bool:
    peer.setblocking(False)
    try:
        while peer.recv(1_048_576):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def _cut_untaken(connections: Connections, *, crowd: int = 100) -> None:
    connections.cut_untaken(seconds=30, crowd=crowd, hurried=5)


def test_a_peer_to_whom_nothing_was_sent_is_cut_off(listener: socket.socket) -> None:
    """Of its address alone, and at this port alone."""
    connections = Connections(_port(listener))
    with _connected(listener) as (peer, _):
        connections.cut_silent("127.0.0.2", seconds=0)
        Connections(1).cut_silent("127.0.0.1", seconds=0)
        connections.cut_silent("127.0.0.1", seconds=600)
        assert not _has_ended(peer)
        connections.cut_silent("::ffff:127.0.0.1", seconds=0)
        assert _has_ended(peer)


def test_an_answer_that_nobody_takes_has_an_end(listener: socket.socket) -> None:
    clock = _Clock()
    connections = Connections(_port(listener), clock)
    with _connected(listener) as (peer, ours):
        _fill(ours)
        for clock.now in (0, 15, 29):
            _cut_untaken(connections)
        with pytest.raises(BlockingIOError):
            ours.send(b"x")
        clock.now = 30
        _cut_untaken(connections)
        with pytest.raises(BrokenPipeError):
            ours.send(b"x")
        assert _has_ended(peer)


def test_an_answer_that_goes_on_is_left_alone(listener: socket.socket) -> None:
    """It may take as long as it takes, while the peer takes some of it."""
    clock = _Clock()
    connections = Connections(_port(listener), clock)
    with _connected(listener) as (peer, ours):
        for clock.now in (0, 15, 30, 45, 60):
            _fill(ours)
            _cut_untaken(connections)
            assert not _has_ended(peer)


def test_an_idle_connection_leaves_nothing_lying(listener: socket.socket) -> None:
    clock = _Clock()
    connections = Connections(_port(listener), clock)
    with _connected(listener) as (peer, _):
        for clock.now in (0, 40, 80):
            _cut_untaken(connections)
        assert not _has_ended(peer)


def test_a_crowd_that_takes_nothing_is_given_less_time(listener: socket.socket) -> None:
    """Connections are not endless: whoever holds many of them has to go on with them."""
    clock = _Clock()
    connections = Connections(_port(listener), clock)
    with _connected(listener) as (peer, ours), _connected(listener) as (_, second):
        _fill(ours)
        _fill(second)
        _cut_untaken(connections, crowd=1)
        clock.now = 5
        _cut_untaken(connections, crowd=2)
        with pytest.raises(BlockingIOError):
            ours.send(b"x")
        _cut_untaken(connections, crowd=1)
        with pytest.raises(BrokenPipeError):
            ours.send(b"x")
        assert _has_ended(peer)
