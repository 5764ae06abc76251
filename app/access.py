"""Who is answered, decided from the head of a request, and what a browser may do with an answer."""

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Flask, Response, abort, request
from werkzeug.wrappers import Request

from app.csp import csp_hash
from app.paths import PATHS

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_BODY_BYTES = 32_000_000  # an imported file, as base64
COOKIE_SECONDS = 30 * 24 * 3600
ANOTHER_SITE = "LRScope does not answer other sites."
NO_TOKEN = "This LRScope asks for a token: open the link that it printed when it was started."

# A browser leaves out a SameSite=Strict cookie where a link on another site leads here, and sends
# it once this page asks itself. Once in five seconds: one without the cookie must not ask for ever.
ASK_AGAIN = """
if (Date.now() - (sessionStorage.getItem("asked") || 0) > 5000) {
  sessionStorage.setItem("asked", Date.now());
  location.replace(location.href);
}
"""


@dataclass(frozen=True)
class Access:
    """Who is answered.

    Args:
        hosts: names, besides this machine's loopback names, that the page may be requested under.
        token: what a browser must know; None answers every page of a permitted host. With a token
            any host name will do: a name that was made to point here has no cookie.
    """

    hosts: frozenset[str] = frozenset()
    token: str | None = None

    def refusal(self, head: Request) -> str | None:
        """The sentence that refuses a request, None if it is answered. The body is not read.

        Another site can make a browser send requests here: through a name that it resolves to this
        machine (DNS rebinding), or by a cross-site request. Their headers reveal both.
        """
        host = head.headers.get("Host", "")
        name = host_name(host)
        if self.token is None and name not in LOOPBACK | self.hosts and not _is_address(name):
            return f"LRScope does not answer to the name {name!r}."
        site = head.headers.get("Sec-Fetch-Site", "none")
        if site not in ("same-origin", "none") and not _is_followed_link(head):
            return ANOTHER_SITE
        if head.headers.get("Origin", f"{head.scheme}://{host}") != f"{head.scheme}://{host}":
            return ANOTHER_SITE
        return None if self._is_known(head) else NO_TOKEN

    def exchange(self, head: Request) -> Response | None:
        """For a link with the token: the address without it, and the cookie that replaces it."""
        if self.token is None or not _opens_page(head) or "token" not in head.args:
            return None
        rest = urlencode([(k, v) for k, v in head.args.items(multi=True) if k != "token"])
        answer = Response(status=303, headers={"Location": f"/?{rest}" if rest else "/"})
        answer.set_cookie(
            _cookie(head), self.token, COOKIE_SECONDS, httponly=True, samesite="Strict"
        )
        return answer

    def _is_known(self, head: Request) -> bool:
        """Whether a request has the token. Of 256 random bits, so that guessing is hopeless."""
        if self.token is None:
            return True
        shown = [head.cookies.get(_cookie(head), "")]
        if _opens_page(head):
            shown.append(head.args.get("token", ""))
        known = self.token.encode()
        return any(hmac.compare_digest(text.encode(errors="replace"), known) for text in shown)


def access_for(host: str, with_token: bool | None) -> Access:
    """Who is answered by a server that listens on a host.

    Args:
        host: an address or a name; only loopback ones are for this machine alone.
        with_token: whether a token is asked for; None asks on any host that others can reach.
    """
    if with_token is None:
        with_token = not is_loopback(host)
    if with_token:
        return Access(token=secrets.token_urlsafe(32))
    here = socket.gethostname().lower()
    named = set() if is_loopback(host) else {host.lower(), here, f"{here}.local"}
    return Access(hosts=frozenset(named))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on that host."""
    if host.lower() in LOOPBACK:
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def host_name(host: str) -> str:
    """The name in a Host header, without port or brackets, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    """Whether a host is an IP address, which DNS rebinding cannot change."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _opens_page(head: Request) -> bool:
    return head.method in ("GET", "HEAD") and head.path in PATHS


def _is_followed_link(head: Request) -> bool:
    """Whether a browser opens the page in a tab of its own, which changes nothing."""
    asked = head.headers.get("Sec-Fetch-Mode"), head.headers.get("Sec-Fetch-Dest")
    return _opens_page(head) and asked == ("navigate", "document")


def _cookie(head: Request) -> str:
    """The cookie's name: for each port its own, since a host's servers share their cookies."""
    port = head.headers.get("Host", "").rpartition(":")[2]
    return f"lrscope-{port if port.isdecimal() else '80'}"


def guard(server: Flask, access: Access, scripts: Iterable[str]) -> None:
    """Refuse whom `access` refuses, and let a page load and do only what LRScope's own does.

    Args:
        server: its config then has the access, as ACCESS.
        access: who is answered.
        scripts: the Content-Security-Policy's hashes of the page's inline scripts.
    """
    server.config["ACCESS"] = access
    server.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    policy = (
        f"default-src 'none'; script-src 'self' {' '.join([*scripts, csp_hash(ASK_AGAIN)])}; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

    @server.before_request
    def refuse_others() -> Response | None:
        refusal = access.refusal(request)
        if refusal == NO_TOKEN and _opens_page(request):
            page = f"<!DOCTYPE html><title>LRScope</title><p>{NO_TOKEN}<script>{ASK_AGAIN}</script>"
            return Response(page, 403)
        if refusal:
            abort(403, refusal)
        return access.exchange(request)

    @server.after_request
    def harden(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Referrer-Policy"] = "same-origin"
        return response
