"""Bodies are refused from the head, and connections that only wait keep nobody out."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from app import listening
from app.access import MAX_BODY_BYTES
from tests.bench.turns import until
from tests.page import Served, served

HEAD = "POST /_dash-update-component HTTP/1.1\r\nHost: localhost\r\n"
JSON = "Content-Type: application/json\r\n"
FOREIGN = "Origin: http://evil.example\r\n"
LARGE = "Content-Length: 300000000\r\n"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "home", tmp_path / "datasets") as lab:
        yield lab


def port(lab: Served) -> int:
    return int(lab.url.rstrip("/").rpartition(":")[2])


@contextmanager
def connected(lab: Served) -> Iterator[socket.socket]:
    with closing(socket.create_connection(("127.0.0.1", port(lab)), timeout=60)) as connection:
        yield connection


def answer(connection: socket.socket) -> bytes:
    """All that is answered until the server closes the connection."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


def status(lab: Served, path: str = "/") -> int:
    with closing(HTTPConnection("127.0.0.1", port(lab), timeout=60)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"], ids=["", "100-continue"])
@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        (f"{FOREIGN}{LARGE}", b"403"),
        (f"{FOREIGN}Content-Length: 300\r\n", b"403"),
        (f"{FOREIGN}Transfer-Encoding: chunked\r\n", b"403"),
        (f"Sec-Fetch-Site: cross-site\r\n{LARGE}", b"403"),
        (LARGE, b"413"),
        (f"Content-Length: {MAX_BODY_BYTES + 1}\r\n", b"413"),
        ("Transfer-Encoding: chunked\r\n", b"501"),
    ],
)
def test_a_body_is_refused_from_the_head(
    lab: Served, headers: str, refused: bytes, expect: str
) -> None:
    with connected(lab) as connection:
        connection.sendall(f"{HEAD}{JSON}{headers}{expect}\r\n".encode())  # and no body
        assert answer(connection).split()[1] == refused


def test_what_follows_a_refused_head_is_no_request(lab: Served) -> None:
    smuggled = b"GET /assets/page.css HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connected(lab) as connection:
        connection.sendall(f"{HEAD}{FOREIGN}Content-Length: 60\r\n\r\n".encode() + smuggled)
        received = answer(connection)
    assert received.count(b"HTTP/1.1") == 1
    assert b"403" in received


def test_the_largest_import_is_received(lab: Served) -> None:
    body = json.dumps({"output": "x" * (MAX_BODY_BYTES - 100)})
    with closing(HTTPConnection("127.0.0.1", port(lab), timeout=60)) as connection:
        connection.request(
            "POST", "/_dash-update-component", body, {"Content-Type": "application/json"}
        )
        assert connection.getresponse().status == 400  # read whole, and then no callback's


@pytest.mark.parametrize("begun", ["", "GET / HT", f"{HEAD}{JSON}Content-Length: 9\r\n\r\n{{"])
def test_the_page_answers_while_500_connections_stand(lab: Served, begun: str) -> None:
    with ExitStack() as stack:
        waiting = [stack.enter_context(connected(lab)) for _ in range(500)]
        for connection in waiting:
            connection.sendall(begun.encode())
        assert status(lab) == 200
        for connection in waiting:
            connection.sendall(b"x")
        assert status(lab, "/_dash-layout") == 200


def test_where_too_many_connections_stand_the_longest_waiting_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "MOST_CONNECTIONS", 20)
    with served(tmp_path / "home", tmp_path) as lab, ExitStack() as stack:
        waiting = [stack.enter_context(connected(lab)) for _ in range(30)]
        assert status(lab) == 200
        assert answer(waiting[0]) == b""
        waiting[-1].sendall(b"GET /assets/logo.svg HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in answer(waiting[-1])


@pytest.mark.parametrize(
    ("limit", "begun"),
    [
        ("HEAD_SECONDS", "GET / HTTP/1.1\r\nA: "),
        ("REQUEST_SECONDS", f"{HEAD}{JSON}Content-Length: 9000000\r\n\r\n"),
    ],
)
def test_a_request_that_comes_byte_by_byte_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, begun: str
) -> None:
    monkeypatch.setattr(listening, limit, 0.5)
    monkeypatch.setattr(listening, "CLEANUP_SECONDS", 0)
    with served(tmp_path / "home", tmp_path) as lab, connected(lab) as connection:
        connection.sendall(begun.encode())
        connection.settimeout(0.05)
        while True:
            try:
                connection.sendall(b"x")
                assert connection.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                pass
            break


def test_an_idle_connection_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "IDLE_SECONDS", 0)
    monkeypatch.setattr(listening, "CLEANUP_SECONDS", 0)
    with served(tmp_path / "home", tmp_path) as lab, connected(lab) as connection:
        assert answer(connection) == b""


def has_much_to_send(channel: Any) -> bool:
    """Whether a thread waits until the client has read of its answers."""
    return bool(channel.total_outbufs_len > channel.adj.outbuf_high_watermark)


def test_clients_that_do_not_read_keep_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "UNREAD_SECONDS", 1)
    monkeypatch.setattr(listening, "CLEANUP_SECONDS", 0)
    with served(tmp_path / "home", tmp_path) as lab, ExitStack() as stack:
        path = "/_dash-component-suites/plotly/package_data/plotly.min.js"
        assert status(lab) == 200  # the first request registers the paths
        assert status(lab, path) == 200
        many = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 60
        for _ in range(listening.THREADS):
            stack.enter_context(connected(lab)).sendall(many)
        until(lambda: all(has_much_to_send(c) for c in lab.server.active_channels.values()))
        assert status(lab) == 200


def test_a_head_has_a_limit(lab: Served) -> None:
    with connected(lab) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nA: ".ljust(listening.MAX_HEAD_BYTES, b"x"))
        assert answer(connection).split()[1] == b"431"


def test_each_address_of_a_name_is_served_on_the_same_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    from app.server import create_app
    from trainer.store.store import Store
    from trainer.worker import Worker

    with closing(Store(tmp_path)) as store:
        server = listening.listen(create_app(store, Worker(store, tmp_path)), "both.example", 0)
        with closing(server):
            assert {at[1] for at in server.effective_listen} == {str(listening.port_of(server))}


@pytest.mark.parametrize(
    "head",
    [
        b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n",
        b"GET /%zz/%c0%af/%ff HTTP/1.1\r\nHost: localhost\r\n",
        b"GET /assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1\r\nHost: localhost\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n",
        b"GET http://evil.example/nonsense HTTP/1.1\r\nHost: localhost\r\n",
        b"GET //evil.example/ HTTP/1.1\r\nHost: localhost\r\n",
        b"GET * HTTP/1.1\r\nHost: localhost\r\n",
        b"get / HTTP/1.1\r\nHost: localhost\r\n",
        b"BREW /live HTTP/1.1\r\nHost: localhost\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n",
        b"GET / HTTP/9.9\r\nHost: \r\n",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\nCookie: \xff=\xfe\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: \xff\r\n",
        b"POST /live HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n",
        b"POST /live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1e3\r\n",
        b"POST /live HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5000 + b"\r\n",
        b"POST /live HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n",
        b"nonsense\r\n",
        b"\0\r\n",
    ],
)
def test_a_strange_head(lab: Served, head: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with connected(lab) as connection:
        connection.sendall(head + b"Connection: close\r\n\r\n")
        received = answer(connection)
    assert b"400" <= received.split()[1] < b"500" or received.split()[1] == b"501"
    assert b"Traceback" not in received
    assert caplog.records == []
    assert status(lab) == 200
