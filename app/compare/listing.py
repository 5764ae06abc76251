"""The left column: the runs by setting, each with its seed, a sparkline and its best value."""

from collections.abc import Sequence
from functools import lru_cache
from statistics import median
from typing import Any
from urllib.parse import quote

from dash import html
from dash.development.base_component import Component

from app import run_names
from app.charts.series import Line
from app.charts.thinning import thinned
from app.compare.reading import Read
from app.compare.scene import Scene
from trainer.config.metrics import rises
from trainer.config.text import significant
from trainer.store.selection import Columns

WIDTH, HEIGHT, POINTS = 64, 18, 32
KEPT = 512  # curves of which the best value and the sparkline are kept
NOTHING_DRAWN = "linear-gradient(transparent, transparent)"  # no mask would show a solid block
OVER = {"finished", "imported"}


def listing(scene: Scene) -> list[Component]:
    """The settings with their runs."""
    return [_group(scene, place) for place in range(len(scene.groups))]


def heading(scene: Scene) -> str:
    """How many runs and settings there are."""
    runs, settings = len(scene.read), len(scene.groups)
    if not runs:
        return "Compare"
    several = "settings" if settings > 1 else "setting"
    return f"{runs} {'runs' if runs > 1 else 'run'}, {settings} {several}"


def _group(scene: Scene, place: int) -> Component:
    group, look = scene.groups[place], scene.looks[place]
    its = [read for read in scene.read if read.run.id in group.runs]
    values = [v for read in its if (v := best(read.columns, scene.metric)) is not None]
    middle = f"median {significant(median(values))}" if len(values) > 1 else ""
    return html.Section(
        [
            html.Div(
                [html.H3(group.name), html.Span(middle, className="card-small")],
                className="setting-head",
            ),
            html.Ul([_member(scene, read) for read in its]),
        ],
        className="setting",
        style={"--mark": f"var(--{look.colour})"},
    )


def _member(scene: Scene, read: Read) -> Component:
    run, number = read.run, read.run.id
    drawn = number not in scene.asked.hidden
    pressed: dict[str, Any] = {
        "aria-pressed": str(drawn).lower(),
        "aria-label": f"Draw run {number}",
        "data-hide": str(number),
    }
    leave: dict[str, Any] = {
        "aria-label": f"Take run {number} out of the comparison",
        "data-leave": str(number),
    }
    called = f"seed {read.seed}" if read.seed is not None else run_names.name(run)
    state, word = run_names.status(run)
    itself: dict[str, Any] = {"data-run": str(number), "data-over": str(state in OVER).lower()}
    value = best(read.columns, scene.metric)
    about = called if state in OVER else f"{called} · {word}"
    return html.Li(
        [
            html.Button(className="swatch", title="Hide it, or draw it again", **pressed),
            html.A(f"#{number}", href=f"/?run={number}", title=run_names.name(run)),
            html.Span(about, className="card-small about"),
            html.Span(className="spark", style={"maskImage": spark(read.columns, scene.metric)}),
            html.Span("" if value is None else significant(value), className="value"),
            html.Button("\N{MULTIPLICATION SIGN}", className="leave", title="Take it out", **leave),
        ],
        className="member-run",
        style={"--mark": f"var(--{scene.colour_of(number)})"},
        **itself,
    )


@lru_cache(maxsize=KEPT)
def best(columns: Columns, metric: str) -> float | None:
    """The best value of a metric in a run's epochs; None if it has none."""
    values = [value for value in columns.metric(metric) if value is not None]
    return (max if rises(metric) else min)(values, default=None)


@lru_cache(maxsize=KEPT)
def spark(columns: Columns, metric: str) -> str:
    """The course of a metric as a CSS image, which masks the colour of the run; an empty one for
    less than two points.
    """
    values = columns.metric(metric)
    line = thinned(Line([float(i) for i in range(len(values))], values), POINTS)
    points = [(x, y) for x, y in zip(line.x, line.y, strict=True) if y is not None]
    if len(points) < 2:
        return NOTHING_DRAWN
    (left, right), lows = (points[0][0], points[-1][0]), [y for _, y in points]
    low, high = min(lows), max(lows)
    places = " ".join(
        f"{(x - left) / (right - left) * WIDTH:.1f},"
        f"{2 + (high - y) / ((high - low) or 1) * (HEIGHT - 4):.1f}"
        for x, y in points
    )
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}'>"
        f"<polyline points='{places}' fill='none' stroke='black' stroke-width='1.5'/></svg>"
    )
    return f'url("data:image/svg+xml,{quote(svg)}")'


def remark(scene: Scene) -> str:
    """What the curves of the picture are, in a few words."""
    seeds = sorted({len(group.runs) for group in scene.groups if len(group.runs) > 1})
    if not seeds or not scene.asked.group or scene.asked.x == "lr":
        return ""
    counted = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return f"median of {counted} seeds, band: lowest to highest"


def metrics(reads: Sequence[Read]) -> list[str]:
    """The names of all metrics that these runs have, the usual ones first."""
    named = dict.fromkeys(("val_loss", "train_loss", "val_accuracy"))
    for read in reads:
        named |= dict.fromkeys(read.columns.metrics)
    return list(named)
