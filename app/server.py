"""The Dash app."""

from pathlib import Path
from urllib.parse import urlsplit

import dash_mantine_components as dmc
from dash import Dash, ctx, html, set_props
from flask import abort, has_request_context, request

from app import environment, ids, importing
from app.access import Access, csp_hash, guard
from app.charts import theme
from app.checked import CheckedDash, refuse_what_is_forged
from app.example import Example
from app.lab import view as lab
from trainer.store.faults import StoreError
from trainer.store.rows import UnreadableError
from trainer.store.store import Store
from trainer.worker import Worker

# Where the page says why a click came to nothing; by default it is under the head of the LR chart.
PLACES = {ids.START: ids.START_REFUSED, ids.RESUME: ids.REFUSED}
THIS_MACHINE = Access()

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


def create_app(
    store: Store, worker: Worker, access: Access = THIS_MACHINE, example: bool = False
) -> Dash:
    """The page for a store. Nothing is global: two apps in one process are independent.

    Args:
        store: the runs to display, and the queue of new ones.
        worker: trains the queued runs; it loads torch early while a page is open.
        access: who is answered.
        example: train one when the first page asks and there is no run.
    """
    environment.forget_dash()
    app = CheckedDash(
        "lrscope",
        assets_folder=str(assets_folder()),
        title="LRScope",
        update_title="",
        index_string=INDEX,
        serve_locally=True,
        add_log_handler=False,
        on_error=_explain,
        enable_mcp=False,
    )

    # The page itself requests the layout, so the page's address is the request's referrer.
    def page() -> dmc.MantineProvider:
        address = request.referrer if has_request_context() else None
        try:
            query = urlsplit(address or "").query
        except ValueError:
            abort(400, "The header Referer is no address.")
        return _page(store, query)

    app.layout = page
    lab.register(app, store, worker, Example(store).queue if example else lambda: None)
    importing.register(app, store, worker)
    guard(app.server, access, [*app.csp_hashes(), csp_hash(EARLY_SCHEME)])
    refuse_what_is_forged(app)
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
                        [html.Span(className="logo"), html.H1("LRScope")],
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
            "primaryShade": 9,
            "defaultRadius": "md",
        },
    )
