"""The Dash app and its server, for browsers on this machine."""

import base64
import hashlib
import ipaddress
import logging
import socket
from pathlib import Path
from urllib.parse import urlsplit

import dash_mantine_components as dmc
import waitress
from dash import Dash, ctx, html, set_props
from flask import Flask, Response, abort, has_request_context, request
from waitress.server import BaseWSGIServer, MultiSocketServer

from app import ids, importing
from app.charts import theme
from app.lab import view as lab
from trainer.store.database import StoreError
from trainer.store.rows import UnreadableError
from trainer.store.store import Store
from trainer.worker import Worker

THREADS = 8
MAX_REQUEST_BYTES = 32_000_000  # an imported file, as base64
# Where the page says why a click came to nothing; by default it is under the strip.
PLACES = {ids.START: ids.START_REFUSED, ids.RESUME: ids.REFUSED}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}

# Sets the scheme before the first paint, so that a dark page does not flash white.
EARLY_SCHEME = """
var chosen = localStorage.getItem("mantine-color-scheme-value") || "auto";
var dark = chosen === "dark" ||
  (chosen === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
"""
INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{%title%}</title>
<link rel="icon" type="image/svg+xml" href="/assets/logo.svg">
<style>THEME</style>
{%css%}
<script>EARLY_SCHEME</script>
</head>
<body>
{%app_entry%}
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>
""".replace("EARLY_SCHEME", EARLY_SCHEME).replace("THEME", theme.css())


def assets_folder() -> Path:
    """The assets: inside the package in an installation, next to it in a checkout."""
    installed = Path(__file__).parent / "assets"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "assets"


def create_app(store: Store, worker: Worker, hosts: frozenset[str] = frozenset()) -> Dash:
    """The page for a store. Nothing is global: two apps in one process are independent.

    Args:
        store: the runs to display, and the queue of new ones.
        worker: trains the queued runs; it loads torch early while a page is open.
        hosts: additional host names that the page may be requested under.
    """
    app = Dash(
        "lrscope",
        assets_folder=str(assets_folder()),
        title="LRScope",
        update_title="",
        index_string=INDEX,
        serve_locally=True,
        add_log_handler=False,
        on_error=_explain,
    )

    # The page itself requests the layout, so the page's address is the request's referrer.
    def page() -> dmc.MantineProvider:
        address = request.referrer if has_request_context() else None
        return _page(store, urlsplit(address or "").query)

    app.layout = page
    lab.register(app, store, worker)
    importing.register(app, store, worker)
    _guard(app, hosts)
    return app


def _explain(error: Exception) -> None:
    """Say on the page that a click came to nothing because of the store; re-raise any other error.

    A run that cannot be read is reported where it is displayed.
    """
    if not isinstance(error, StoreError):
        raise error
    clicked = ctx.triggered_id if isinstance(ctx.triggered_id, str) else ""
    if clicked in PLACES or not isinstance(error, UnreadableError):
        set_props(PLACES.get(clicked, ids.REFUSED), {"children": str(error)})


def _page(store: Store, query: str) -> dmc.MantineProvider:
    return dmc.MantineProvider(
        [
            html.Header(
                [
                    html.A(
                        [html.Span(className="logo"), html.Span("LRScope")],
                        href="/",
                        className="brand",
                    ),
                    html.Span("An oscilloscope for learning rates", className="tagline"),
                    importing.layout(),
                    dmc.ColorSchemeToggle(
                        id=ids.SCHEME,
                        lightIcon=html.Span("◐", className="scheme-icon"),
                        darkIcon=html.Span("◐", className="scheme-icon"),
                        variant="default",
                        size="lg",
                        **{"aria-label": "Light or dark"},
                    ),
                ],
                className="top",
            ),
            lab.layout(store, query),
        ],
        defaultColorScheme="auto",
        theme={
            "fontFamily": theme.FONT,
            "headings": {"fontFamily": theme.FONT},
            "primaryColor": "teal",
            "primaryShade": {"light": 7, "dark": 8},
            "defaultRadius": "md",
        },
    )


def _guard(app: Dash, hosts: frozenset[str]) -> None:
    """Answer only this machine's own pages.

    Another site can make a browser send requests here: through a name that it resolves to
    127.0.0.1 (DNS rebinding), or with a plain cross-site POST. Their headers reveal both.
    """
    server: Flask = app.server
    server.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    scripts = " ".join([*app.csp_hashes(), _csp_hash(EARLY_SCHEME)])
    policy = (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )

    @server.before_request
    def refuse_other_sites() -> None:
        name = host_name(request.host)
        if name not in LOOPBACK | hosts and not _is_address(name):
            abort(403, f"LRScope does not answer to the name {name!r}.")
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            abort(403, "LRScope does not answer other sites.")
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:
            abort(403, "LRScope does not answer other sites.")

    @server.after_request
    def harden(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response


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


def _csp_hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def listen(app: Dash, host: str, port: int) -> BaseWSGIServer | MultiSocketServer:
    """The server, bound and ready to `run()`; port 0 picks a free one.

    Raises:
        OSError: the address is in use or not this machine's.
    """
    # It would warn of each request that waits for a thread, as when many pages open at once.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    return waitress.create_server(app.server, host=host, port=port, threads=THREADS, ident=None)


def free_port(host: str) -> int:
    """A port that is currently free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
