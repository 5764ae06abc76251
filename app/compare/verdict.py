"""The right column: what the seeds show of a difference, and what differs in the configs."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from dash import html
from dash.development.base_component import Component

from app import run_names
from app.compare.listing import best
from app.compare.reading import Read
from app.compare.scene import Scene
from trainer.compare.groups import Group, differences, same_until, shared
from trainer.compare.seeds import MOST_SEEDS, Comparison, change, paired, percent, sentence
from trainer.config.metrics import label, rises
from trainer.config.schedules import NoSchedule
from trainer.config.text import duration, epochs_text
from trainer.store.selection import Columns

MOST_PAIRS = 6
WAIT = "Wait until their runs have finished."
ADVICE = "One seed says nothing about the next: train more seeds of each."


def verdict(scene: Scene) -> list[Component]:
    """The panels of the column."""
    if not scene.read:
        return []
    panels = [_differs(scene)]
    if len(scene.groups) > 1:
        panels.insert(0, _seeds(scene))
    return panels


def _seeds(scene: Scene) -> Component:
    """What the seeds show, each setting against one: the one with a constant LR, or the first."""
    by_run = {read.run.id: read for read in scene.read}
    counted = {run for run, read in by_run.items() if _counts(read)}
    base = next(
        (i for i, g in enumerate(scene.groups) if isinstance(g.recipe.schedule, NoSchedule)), 0
    )
    others = [i for i in range(len(scene.groups)) if i != base][:MOST_PAIRS]
    told: list[Any] = []
    silent, shown = [], 0  # settings of which the seeds say nothing, and the intervals on show
    firsts: list[tuple[str, Comparison, Comparison]] = []
    for i in others:
        name = scene.groups[i].short
        both = [
            paired(
                scene.monitor,
                *(
                    {
                        s: value(by_run[r].columns, scene.monitor)
                        for s, r in g.by_seed.items()
                        if r in counted
                    }
                    for g in (scene.groups[i], scene.groups[base])
                ),
            )
            for value in (best, _last)
        ]
        firsts.append((name, both[0], both[1]))
        if both[0].interval is None and both[1].interval is None:
            silent.append(name)
        else:
            shown += sum(any(each.differences.values()) for each in both)
            told += _compared(scene, name, scene.groups[base].short, both)
    notes = [_needed(scene, base, others[0], firsts[0][1:])] if len(others) == 1 else []
    if silent:
        which = f"{'; '.join(silent)}, against {scene.groups[base].short}"
        what = WAIT if scene.live else ADVICE
        told.append(html.P(f"Nothing can be said yet of {which}. {what}"))
    if len(others) > 1 and shown > 1:
        chance = 100 * (1 - 0.95**shown)
        notes.append(
            f"Of {shown} comparisons at 95 %, one or more shows a difference by chance in up to "
            f"{chance:.0f} % of the cases."
        )
    if len(scene.groups) - 1 > MOST_PAIRS:
        notes.append(f"Only the first {MOST_PAIRS} settings are compared.")
    notes += _left_out(scene, counted)
    return html.Section(
        [
            html.H2("Not finished yet" if scene.live and not shown else _headline(firsts)),
            *told,
            *(html.P(note, className="card-small") for note in notes if note),
        ],
        className="panel seeds",
    )


def _headline(firsts: Sequence[tuple[str, Comparison, Comparison]]) -> str:
    """The first difference that the seeds show, or that they show none."""
    for name, *both in firsts:
        for words, comparison in zip((" at its best", " at the end"), both, strict=True):
            if comparison.differs and comparison.mean is not None:
                told = change(name, comparison.mean) + words
                return told[0].upper() + told[1:]
    return sentence("", max((first for _, first, _ in firsts), key=lambda c: c.seeds))


def _compared(scene: Scene, name: str, base: str, both: Sequence[Comparison]) -> list[Component]:
    what = label(scene.monitor)
    if rises(scene.monitor):
        what = what.replace("accuracy", "error") if "accuracy" in what else f"1 - {what}"
    found: list[Component] = []
    for when, comparison in zip(("Best", "Final"), both, strict=True):
        first = when == "Best"
        about = f"{when} {what}, {name} against {base}" if first else f"{when} {what}"
        mean, ends = comparison.mean, comparison.interval
        if mean is None or ends is None:
            continue
        if not any(comparison.differences.values()):
            found.append(html.P(f"{about}: the same in all {comparison.seeds} pairs."))
            continue
        told: list[Any] = [
            f"{about}, paired by seed: " if first else f"{about}: ",
            html.Strong(percent(mean, signed=True)),
            f", {'95 % ' if first else ''}between {percent(ends[0], signed=True)} and "
            f"{percent(ends[1], signed=True)}" + (f", {comparison.seeds} seeds." if first else "."),
        ]
        found += [html.P(told), _drawing(comparison, name, base)]
        if comparison.unusable:
            which = ", ".join(map(str, comparison.unusable))
            found.append(
                html.P(
                    f"Without seed {which}: percentages need values above 0.",
                    className="card-small",
                )
            )
    return found


def _drawing(comparison: Comparison, name: str, base: str) -> Component:
    """The interval, its middle and each seed's difference, around 0."""
    assert comparison.interval is not None
    assert comparison.mean is not None
    values = list(comparison.differences.values())
    reach = 1.15 * max(*map(abs, (*comparison.interval, *values)), 0.05)

    def place(value: float) -> str:
        return f"{50 + 50 * max(-1.0, min(value / reach, 1.0)):.1f}%"

    low, high = comparison.interval
    width = f"{50 * (high - low) / reach:.1f}%"
    hidden: dict[str, Any] = {"aria-hidden": "true"}
    return html.Div(
        [
            html.Div(
                [
                    html.Span(className="nought"),
                    html.Span(className="span", style={"left": place(low), "width": width}),
                    *(html.Span(className="seed", style={"left": place(v)}) for v in values),
                    html.Span(className="mean", style={"left": place(comparison.mean)}),
                ],
                className="interval",
            ),
            html.Div([html.Span(f"{name} lower"), html.Span(f"{base} lower")], className="ends"),
        ],
        **hidden,
    )


def _needed(scene: Scene, base: int, other: int, both: Sequence[Comparison]) -> str:
    """How many seeds it would take to tell 10 % apart, and how long that takes here."""
    comparison = max(both, key=lambda each: each.seeds_needed or 0)
    needed = comparison.seeds_needed
    if needed is None:
        return ""
    if needed <= comparison.seeds:
        return f"These {comparison.seeds} seeds are enough to tell 10 % apart."
    times = [
        median(seconds)
        for group in (scene.groups[base], scene.groups[other])
        if (seconds := [s for read in _of(scene, group) if (s := read.run.elapsed)])
    ]
    about = f"about {needed}" if needed < MOST_SEEDS else f"more than {MOST_SEEDS:,}"
    told = f"To tell 10 % apart would take {about} seeds of each"
    if len(times) < 2 or needed >= MOST_SEEDS:
        return f"{told}."
    return f"{told}: {duration(sum(times) * (needed - comparison.seeds))} more here."


def _of(scene: Scene, group: Group) -> list[Read]:
    return [read for read in scene.read if read.run.id in group.runs]


def _left_out(scene: Scene, counted: set[int]) -> list[str]:
    """The runs that do not count yet, or not at all, and why."""
    left = [
        f"#{read.run.id} ({run_names.status(read.run)[1]})"
        for read in scene.read
        if read.run.id not in counted
    ]
    return [f"Not counted, since not finished: {', '.join(left)}."] if left else []


def _counts(read: Read) -> bool:
    return read.run.source == "imported" or read.run.status == "finished"


def _last(columns: Columns, metric: str) -> float | None:
    values = columns.metric(metric)
    return values[-1] if values else None


def _differs(scene: Scene) -> Component:
    rows = differences(scene.groups)
    same = shared(scene.groups)
    until = same_run(scene)
    head = [
        html.Th(
            group.short,
            scope="col",
            style={"--mark": f"var(--{look.colour})"},
            className="setting-name",
        )
        for group, look in zip(scene.groups, scene.looks, strict=True)
    ]
    named: dict[str, Any] = {"aria-label": "What differs", "tabIndex": "0", "role": "region"}
    table = html.Table(
        [
            html.Thead(html.Tr([html.Td(), *head])),
            html.Tbody(
                [
                    html.Tr([html.Th(row.label, scope="row"), *map(html.Td, row.values)])
                    for row in rows
                ]
            ),
        ]
    )
    inside = [html.Div(table, className="differences", **named)] if rows else []
    alone = len(scene.groups) == 1
    text = f"{'The runs have' if alone else 'The same in all'}: {same}. {until}"
    return html.Section(
        [
            html.H2("Nothing differs but the seed" if alone and len(scene.read) > 1 else
                    "The setting" if alone else "What differs"),
            *inside,
            html.P(text, className="card-small"),
        ],
        className="panel",
    )  # fmt: skip


def same_run(scene: Scene) -> str:
    """Until which epoch the pairs of two settings trained the same numbers, in a sentence; empty if
    they did not, or there are more settings.
    """
    if len(scene.groups) != 2:
        return ""
    by_run = {read.run.id: _recorded(read) for read in scene.read}
    first, second = (group.by_seed for group in scene.groups)
    common = [
        same_until(by_run[first[seed]], by_run[second[seed]])
        for seed in first.keys() & second.keys()
    ]
    if not common or max(common) == 0:
        return ""
    low, high = min(common), max(common)
    if low == high:
        return f"Each pair trained the same numbers for {epochs_text(low)}."
    return f"Each pair trained the same numbers until epoch {low} to {high}, by its seed."


def _recorded(read: Read) -> Sequence[tuple[object, ...]]:
    """What was recorded of each epoch but its time."""
    columns = read.columns
    return list(zip(columns.lrs, columns.last_lrs, columns.recorded, strict=True))
