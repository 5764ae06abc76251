"""The HTTP server: who refuses a body before it is received, and never lets idle connections keep
others out.

waitress reads every head in one loop without blocking, so that a connection that only waits
occupies no thread.
"""

import logging
import select
import socket
import time
from functools import partial
from typing import Any

from dash import Dash
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.server import BaseWSGIServer, MultiSocketServer, TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.wasyncore import close_all
from werkzeug.wrappers import Request

from app.access import MAX_BODY_BYTES, Access

THREADS = 8
MAX_HEAD_BYTES = 65_536
MOST_CONNECTIONS = 1000
# How long a connection may take, in seconds: for a request's head, for all of it, to read some of
# the answer, and between two requests.
HEAD_SECONDS = 10
REQUEST_SECONDS = 120
UNREAD_SECONDS = 60
IDLE_SECONDS = 60
CLEANUP_SECONDS = 2


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Leaves a body unread where the head is enough to refuse the request."""

    body_rcv: Any
    chunked: bool
    content_length: int

    def __init__(self, access: Access, adj: Adjustments) -> None:
        super().__init__(adj)
        self._access = access

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # of an address, or a number of 5,000 digits
            raise ParsingError(str(error)) from error
        if not (self.chunked or self.content_length):
            return
        environ = {f"HTTP_{name}": value for name, value in self.headers.items()}
        environ |= {"wsgi.url_scheme": self.url_scheme, "QUERY_STRING": self.query}
        environ |= {"REQUEST_METHOD": self.command, "PATH_INFO": self.path}
        if self._access.refusal(Request(environ)) is not None:
            # The app sees the head alone and refuses it; then the connection is closed.
            self.body_rcv, self.chunked, self.content_length = None, False, 0
            self.headers.pop("CONTENT_LENGTH", None)
            self.headers["CONNECTION"], self.expect_continue = "close", False
        elif self.chunked:
            raise TransferEncodingNotImplemented("A body needs a Content-Length.")

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.error:  # waitress would ask for the body after all, and receive it
            self.expect_continue = False
        return consumed


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that knows since when it waits for a request, or for its client to read."""

    def __init__(self, server: "_Server", *args: Any, **kwargs: Any) -> None:
        self.since = time.time()  # when its last request began
        self.parser_class = partial(_Parser, server.access)
        super().__init__(server, *args, **kwargs)

    # One that was closed while the sockets were listed must not be polled: its number may soon be
    # another connection's.
    def readable(self) -> bool:
        return bool(self.connected and super().readable())

    def writable(self) -> bool:
        return bool(self.connected and super().writable())

    def received(self, data: bytes) -> bool:
        if self.request is None:
            self.since = time.time()
        return bool(super().received(data))

    @property
    def waits(self) -> bool:
        """Whether it is neither being answered nor has an answer to send."""
        return not (self.requests or self.total_outbufs_len)

    def is_overdue(self, now: float) -> bool:
        if self.total_outbufs_len:
            return bool(now - self.last_activity > UNREAD_SECONDS)
        if self.requests:
            return False
        if self.request is None:
            return bool(now - self.last_activity > IDLE_SECONDS)
        limit = REQUEST_SECONDS if self.request.headers_finished else HEAD_SECONDS
        return now - self.since > limit


class _Server(TcpWSGIServer):  # type: ignore[misc]
    """Closes connections that take too long, and where there are too many, the one that has waited
    longest.
    """

    channel_class = _Channel

    def __init__(self, access: Access, most: int, *args: Any, **kwargs: Any) -> None:
        self.access = access
        self.most = most
        super().__init__(*args, **kwargs)

    def readable(self) -> bool:
        if len(self.active_channels) >= self.most:
            waiting = [channel for channel in self.active_channels.values() if channel.waits]
            if waiting:
                min(waiting, key=lambda channel: channel.since).handle_close()
        return bool(super().readable())

    def maintenance(self, now: float) -> None:
        for channel in list(self.active_channels.values()):
            if channel.is_overdue(now):
                channel.handle_close()


def listen(app: Dash, host: str, port: int) -> BaseWSGIServer | MultiSocketServer:
    """The server of an app, bound and ready to `run()`; port 0 picks a free one.

    Raises:
        OSError: the address is in use or not this machine's.
        ValueError: the host cannot be resolved.
    """
    # Neither a full queue nor a client that went away is of interest in the terminal.
    logging.getLogger("waitress").setLevel(logging.ERROR)
    most = most_connections()
    adj = Adjustments(
        host=host,
        port=port,
        threads=THREADS,
        ident=None,
        max_request_header_size=MAX_HEAD_BYTES,
        max_request_body_size=MAX_BODY_BYTES + 1,  # waitress refuses the limit itself
        connection_limit=2 * most,  # there waitress would accept no more
        cleanup_interval=CLEANUP_SECONDS,
        asyncore_use_poll=True,  # select knows no file above 1023
        log_socket_errors=False,
    )
    sockets: dict[int, Any] = {}
    servers: list[_Server] = []
    dispatcher = ThreadedTaskDispatcher()
    try:
        for *kind, (address, _, *rest) in adj.listen:
            bound = {"sockinfo": (*kind, (address, port, *rest)), "dispatcher": dispatcher}
            access: Access = app.server.config["ACCESS"]
            servers.append(_Server(access, most, app.server, sockets, adj=adj, **bound))
            port = int(servers[0].effective_port)  # the same for each address of a name
    except OSError:
        close_all(sockets, ignore_all=True)
        raise
    dispatcher.set_thread_count(THREADS)
    if len(servers) == 1:
        return servers[0]
    addresses = [(server.effective_host, server.effective_port) for server in servers]
    return MultiSocketServer(sockets, adj, addresses, dispatcher, servers[0].log_info)


def most_connections() -> int:
    """How many connections may stand: half of the files that this process may open, for a body
    may need one too.
    """
    if not hasattr(select, "poll"):
        return 200  # Windows: select takes 512
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return min(MOST_CONNECTIONS, files // 2)


def port_of(server: BaseWSGIServer | MultiSocketServer) -> int:
    """The port that a server listens on."""
    if isinstance(server, MultiSocketServer):
        return int(server.effective_listen[0][1])
    return int(server.effective_port)


def free_port(host: str) -> int:
    """A port that is currently free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
