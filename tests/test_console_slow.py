"""Slow and rude clients, against a real server on loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from signoff.console import shields
from signoff.console.serving import HEAD_BYTES, PatientProtocol
from tests.chain import WHOLE
from tests.consoles import Consoled, a_console, served_console

PATIENCE = 60
"""How long the tests wait for the server to lose its own, much shorter patience."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Consoled, str]]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from _served(tmp_path_factory.mktemp("slow"), monkeypatch)


def _served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Consoled, str]]:
    monkeypatch.setattr(PatientProtocol, "header_seconds", 0.5)
    monkeypatch.setattr(PatientProtocol, "write_seconds", 0.5)
    monkeypatch.setattr(shields.BodyLimit.__init__, "__defaults__", (shields.MOST_BYTES, 0.5))
    console = a_console(folder)
    console.person("ana", "reviewer")
    with served_console(console) as address:
        yield console, address
    console.home.close()


def connect(address: str) -> socket.socket:
    host, _, port = address.removeprefix("http://").partition(":")
    line = socket.create_connection((host, int(port)), timeout=PATIENCE)
    line.settimeout(PATIENCE)
    return line


def everything(line: socket.socket) -> bytes:
    """What the server says until it hangs up; a reset is hanging up too."""
    found = b""
    try:
        while part := line.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_who_never_ends_the_head_is_sent_away(served: tuple[Consoled, str], sent: bytes) -> None:
    with connect(served[1]) as line:
        line.sendall(sent)
        assert everything(line) == b""


def test_who_drips_the_head_is_sent_away(served: tuple[Consoled, str]) -> None:
    with connect(served[1]) as line:
        line.sendall(b"GET /login HTTP/1.1\r\nHost: x\r\n")
        line.settimeout(0.1)
        for _ in range(PATIENCE * 10):
            try:
                line.sendall(b"X-Drip: 1\r\n")
                if line.recv(10) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return
        pytest.fail("the server still waits")


def test_the_time_for_a_head_begins_anew_with_the_next_request(served: tuple[Consoled, str]) -> None:
    with connect(served[1]) as line:
        line.sendall(b"GET /static/icon.svg HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.recv(65536).startswith(b"HTTP/1.1 200")
        line.sendall(b"GET /static/icon.svg HTTP/1.1\r\nX-Slow: ")
        assert b"HTTP/1.1" not in everything(line)


def test_a_body_that_does_not_come_is_not_waited_for(served: tuple[Consoled, str]) -> None:
    with connect(served[1]) as line:
        line.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nname=")
        assert b"408 Request Timeout" in everything(line)


def test_a_head_that_does_not_end_is_refused(served: tuple[Consoled, str]) -> None:
    with connect(served[1]) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (2 * HEAD_BYTES))
        assert everything(line).startswith(b"HTTP/1.1 400")


@pytest.mark.slow
@pytest.mark.skipif(not WHOLE, reason="what the kernel kept drains through a small window in minutes")
def test_who_reads_nothing_is_cut_off(served: tuple[Consoled, str]) -> None:
    ask = b"GET /static/plotly.js HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(served[1]) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.sendall(ask)
        # Nothing is read, until the server must have lost its patience: the rest of 4 MB then never comes.
        time.sleep(3)
        assert len(everything(line)) < 4_000_000


TWO_LENGTHS = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"


@pytest.mark.parametrize("rude", [b"\x00\x01\x02\r\n\r\n", b"GET http://x y z\r\n\r\n", TWO_LENGTHS])
def test_what_is_no_http_is_refused_and_the_others_are_served(served: tuple[Consoled, str], rude: bytes) -> None:
    with connect(served[1]) as line:
        line.sendall(rude)
        said = everything(line)
    assert b" 200 " not in said.split(b"\r\n")[0]
    assert httpx.get(f"{served[1]}/login", timeout=PATIENCE).status_code == 200


def test_fifty_slow_clients_keep_nobody_waiting(served: tuple[Consoled, str]) -> None:
    lines = [connect(served[1]) for _ in range(50)]
    try:
        for line in lines:
            line.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        assert httpx.get(f"{served[1]}/login", timeout=PATIENCE).status_code == 200
    finally:
        for line in lines:
            line.close()


def test_a_page_is_packed_for_whoever_can_unpack_it(served: tuple[Consoled, str]) -> None:
    plain = httpx.get(f"{served[1]}/login", headers={"Accept-Encoding": "identity"}, timeout=PATIENCE)
    packed = httpx.get(f"{served[1]}/login", timeout=PATIENCE)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert "server" not in packed.headers
