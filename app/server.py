"""The Dash app."""

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import dash_mantine_components as dmc
from dash import ctx, html, set_props
from dash.development.base_component import Component
from flask import Response, abort, has_request_context, request

from app import environment, exporting, ids, importing
from app.access import Access, guard
from app.charts import theme
from app.checked import CheckedDash, refuse_what_is_forged
from app.compare import view as compare
from app.csp import csp_hash
from app.example import Example
from app.lab import view as lab
from app.paths import COMPARE, LAB, PATHS, RUNS, SWEEP, assets_folder
from app.run_columns import RunColumns
from app.runs import view as runs
from app.sweep import view as sweep
from trainer.followers import Followers
from trainer.store.faults import StoreError
from trainer.store.rows import UnreadableError
from trainer.store.store import Store
from trainer.worker import Worker

# Where the page says why a click came to nothing; by default it is under the head of the LR chart.
PLACES = {
    ids.START: ids.START_REFUSED,
    ids.AS_RUN: ids.START_REFUSED,
    ids.RESUME: ids.REFUSED,
}
THIS_MACHINE = Access()


class View(NamedTuple):
    """A view of the page: its name in the head, and what lays it out for an address's query."""

    name: str
    layout: Callable[[Store, str], Component]


VIEWS = {
    LAB: View("Lab", lab.layout),
    RUNS: View("Runs", runs.layout),
    COMPARE: View("Compare", compare.layout),
    SWEEP: View("Sweep", sweep.layout),
}

# Of an unknown path; not of the app, whose page would load all of it.
NO_PAGE = (
    '<!DOCTYPE html><html lang="en"><head><title>No such page: LRScope</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"></head>'
    '<body style="font-family: system-ui, sans-serif; margin: 3em"><main><h1>LRScope</h1>'
    "<p>There is no such page here. Go to "
    + ", ".join(f'<a href="{path}">{view.name}</a>' for path, view in VIEWS.items())
    + ".</p></main></body></html>\n"
)

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


class PagesOfViews(CheckedDash):
    """The page of each view loads no component library that only another view needs, and asks again
    for no file that the browser has: a file's address tells its content.
    """

    def interpolate_index(self, **parts: str) -> str:  # type: ignore[override]
        if request.path != RUNS:
            parts["scripts"] = GRID.sub("", parts["scripts"])
        for part in ("css", "scripts"):
            parts[part] = ASSET.sub(_by_content, parts[part])
        page: str = super().interpolate_index(**parts)  # type: ignore[no-untyped-call]
        return page


def _by_content(address: re.Match[str]) -> str:
    return f"{address['name']}?{OF}={_digest(**address.groupdict())}"


@lru_cache(maxsize=1024)
def _digest(name: str, modified: str) -> str:  # noqa: ARG001
    """Of the content that a file in `assets/` has since it was modified."""
    return hashlib.sha256((assets_folder() / name).read_bytes()).hexdigest()[:16]


OF = "of"
ASSET = re.compile(r'(?<="/assets/)(?P<name>[^"?]+)\?m=(?P<modified>[^"]*)')
KEPT = "max-age=31536000, immutable"
GRID = re.compile(r'<script src="[^"]*/dash_ag_grid/[^"]*"></script>\n?')


def create_app(
    store: Store,
    worker: Worker,
    access: Access = THIS_MACHINE,
    example: bool = False,
    followers: Followers | None = None,
) -> CheckedDash:
    """The page for a store. Nothing is global: two apps in one process are independent.

    Args:
        store: the runs to display, and the queue of new ones.
        worker: trains the queued runs; it loads torch early while a page is open.
        access: who is answered.
        example: train one when the first page asks and there is no run.
        followers: follow the files that the page names.
    """
    environment.forget_dash()
    app = PagesOfViews(
        "lrscope",
        assets_folder=str(assets_folder()),
        assets_path_ignore=["^export$"],  # of exported pages, not of this one
        title="LRScope",
        update_title="",
        index_string=INDEX,
        serve_locally=True,
        add_log_handler=False,
        on_error=_explain,
        enable_mcp=False,
        suppress_callback_exceptions=True,  # no page has the components of all views
    )

    # The page itself requests the layout, so the page's address is the request's referrer.
    def page() -> dmc.MantineProvider:
        address = request.referrer if has_request_context() else None
        try:
            _, _, path, query, _ = urlsplit(address or "")
        except ValueError:
            abort(400, "The header Referer is no address.")
        return _page(store, path if path in PATHS else LAB, query)

    app.layout = page

    # All layouts have one address: a browser that goes back would take the one that it has kept.
    @app.server.after_request  # type: ignore[untyped-decorator]
    def is_kept_or_not(answer: Response) -> Response:
        if request.path == "/_dash-layout":
            answer.headers["Cache-Control"] = "no-store"
        elif (
            request.path.startswith("/assets/") and OF in request.args and answer.status_code < 400
        ):
            answer.headers["Cache-Control"] = KEPT
        return answer

    columns = RunColumns(store)
    when_asked = Example(store).queue if example else lambda: None
    lab.register(app, store, worker, columns, when_asked)
    runs.register(app, store)
    compare.register(app, store, columns)
    sweep.register(app, store)
    importing.register(app, store, worker, followers or Followers(store))
    exporting.register(app, store)
    guard(app.server, access, [*app.csp_hashes(), csp_hash(EARLY_SCHEME)])
    refuse_what_is_forged(app, NO_PAGE)
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


def _page(store: Store, path: str, query: str) -> dmc.MantineProvider:
    return dmc.MantineProvider(
        [
            html.Header(
                [
                    html.A(
                        [html.Span(className="logo"), html.H1("LRScope")],
                        href="/",
                        className="brand",
                    ),
                    _views(path),
                    *([importing.layout()] if path == LAB else []),
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
            VIEWS[path].layout(store, query),
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


def _views(shown: str) -> Component:
    """The links to the views."""
    links = []
    for path, view in VIEWS.items():
        here: dict[str, Any] = {"aria-current": "page"} if path == shown else {}
        links.append(html.A(view.name, href=path, className="view", **here))
    named: dict[str, Any] = {"aria-label": "Views"}
    return html.Nav(links, className="views", **named)
