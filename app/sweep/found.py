"""What a way to find an LR has found so far, as one figure over the LR. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from app.charts import theme
from app.charts.figures import ALIASES, LR_TICKS, templates
from trainer.config.text import lr_text, significant
from trainer.store.sweeps import Kind
from trainer.sweep.find.answers import Answer
from trainer.sweep.find.ranging import band
from trainer.sweep.find.sentences import is_a_cliff
from trainer.sweep.find.suggestions import RULES

HEIGHT = 340
PAD = 0.06  # of a figure's height, above and below what is drawn
MOST_DECADES = 5  # that are each labelled
BESIDE = 0.08  # decades, on both sides of what is drawn
CROSS, DOT, RING = "x", "circle", "circle-open"
NAMES = {**{rule: rule for rule in RULES}, "minimum": "minimum/10"}
Runs = Mapping[tuple[float, int], int]


class Found(NamedTuple):
    """A figure as the page takes it, of both schemes, `height` pixels high; and what it shows."""

    figure: dict[str, Any]
    templates: dict[theme.Scheme, dict[str, Any]]
    note: str
    height: int = HEIGHT


class _Drawn(NamedTuple):
    """A trace, and its colour by meaning; `fill` is the opacity of its area as two hex digits."""

    trace: dict[str, Any]
    colour: str
    fill: str = ""


def found(kind: Kind, answer: Answer, runs: Runs) -> Found | None:
    """The figure of an answer; None while nothing is measured.

    Args:
        answer: of `trainer.sweep.find.finding.answer`.
        runs: of `which` the run at each LR and seed, to which its point leads.
    """
    figures: dict[str, Callable[[], Found | None]] = {
        "which": lambda: _which_lr(answer, runs),
        "find": lambda: _best_here(answer),
        "range": lambda: _range_test(answer),
    }
    return figures[kind]() if kind in figures else None


NO_CLIFF = " Dashed: the first LR above, which these seeds cannot tell from the lowest."


def _which_lr(answer: Answer, runs: Runs) -> Found | None:
    """The score over the LR, the mean of the seeds' points, with the band and the cliff."""
    points = [
        (score["lr"], loss, seed)
        for score in answer["scores"]
        for seed, loss in zip(answer["seeds"], score["losses"], strict=True)
        if loss
    ]
    if not points:
        return None
    lrs = [score["lr"] for score in answer["scores"]]
    low, high = _room([loss for _, loss, _ in points])
    drawn: list[_Drawn] = []
    if answer["band"]:
        drawn.append(_area(_beside(*answer["band"]), (low, high)))
    if answer["cliff"]:
        drawn += _cliff(answer["cliff"]["lr"], (low, high))
    scored = [(s["lr"], math.exp(s["score"])) for s in answer["scores"] if s["score"] is not None]
    drawn.append(_line("mean", scored, "val", hover="LR %{x:~g}: %{y:.3g}, the mean"))
    hover = [f"LR {lr_text(lr)}, seed {seed}: {significant(loss)}" for lr, loss, seed in points]
    its = [runs.get((lr, seed)) for lr, _, seed in points]
    drawn.append(_marks("seeds", [p[:2] for p in points], "val", DOT, hover, its))
    dead = [s["lr"] for s in answer["scores"] if s["diverged"]]
    drawn += _dead(
        dead, high, [next((r for (v, _), r in runs.items() if v == x), None) for x in dead]
    )
    if answer["lr"] is not None:
        at = next(loss for lr, loss in scored if lr == answer["lr"])
        drawn += _ring((answer["lr"], at))
    note = "A point is a seed's validation loss after the cool-down epoch, the line their mean."
    if answer["band"]:
        note += " Shaded: about as good as the lowest."
    if answer["cliff"]:
        note += " Dashed: the cliff, the first LR above." if is_a_cliff(answer) else NO_CLIFF
    return _figure(drawn, lrs, (low, high), note + _crosses(dead))


def _best_here(answer: Answer) -> Found | None:
    """The losses of the probes over the LR, and the best of those that went on."""
    probes = [(p["lr"], p["val_loss"], p["run"]) for p in answer["probes"] if p["val_loss"]]
    runs = [(r["lr"], r["val_loss"], r["run"], r["epoch"]) for r in answer["runs"] if r["val_loss"]]
    if not probes:
        return None
    low, high = _room([loss for _, loss, *_ in [*probes, *runs]])
    came_from = {lr: loss for lr, loss, _ in probes}
    fell = [
        point
        for lr, loss, *_ in runs
        for point in ((lr, came_from.get(lr)), (lr, loss), (lr, None))
    ]
    hover = [f"LR {lr_text(lr)} after the probe: {significant(loss)}" for lr, loss, _ in probes]
    ends = [f"LR {lr_text(lr)}: {significant(v)} in epoch {epoch}" for lr, v, _, epoch in runs]
    dead = [p for p in answer["probes"] if p["diverged"]]
    drawn = [
        _line("fell", fell, "val", dash=theme.DOTTED, width=theme.THIN),
        _line("probes", [p[:2] for p in probes], "faint"),
        _marks("probed", [p[:2] for p in probes], "faint", DOT, hover, [p[2] for p in probes]),
        _marks("ended", [r[:2] for r in runs], "val", DOT, ends, [r[2] for r in runs], size=11),
        *_dead([p["lr"] for p in dead], high, [p["run"] for p in dead]),
        *(_ring((answer["best"]["lr"], answer["best"]["val_loss"])) if answer["best"] else []),
    ]
    note = "Grey: validation loss after the probe."
    if runs:
        note += " Orange: the lowest of those that went on; ringed: the best run."
    lrs = [p["lr"] for p in answer["probes"]]
    return _figure(drawn, lrs, (low, high), note + _crosses([p["lr"] for p in dead]))


def _range_test(answer: Answer) -> Found | None:
    """The smoothed loss over the LR as a band over the seeds; below it where each rule would choose
    on each seed.
    """
    if not answer["seeds"]:
        return None
    over = band(answer)
    lrs, top = over["lrs"], over["high"]
    edge = {"x": [*lrs, *lrs[::-1]], "y": [*top, *over["low"][::-1]]}
    area = {
        "type": "scatter", "meta": "band", "mode": "lines", "line": {"width": 0},
        "fill": "toself", "hoverinfo": "skip", **edge,
    }  # fmt: skip
    middle = list(zip(lrs, over["middle"], strict=True))
    drawn = [
        _Drawn(area, "train", "33"),
        _line("median", middle, "train", hover="LR %{x:.2~e}: %{y:.3g}"),
    ]
    for place, rule in enumerate(reversed(RULES)):
        its = [(s["suggestions"][rule], s["seed"]) for s in answer["seeds"]]
        points = [(lr, place) for lr, _ in its if lr]
        span = [(min(points)[0], place), (max(points)[0], place)] if points else []
        hover = [f"{NAMES[rule]}, seed {seed}: LR {lr_text(lr)}" for lr, seed in its if lr]
        drawn.append(_line(f"span:{rule}", span, "lr", width=theme.THIN))
        drawn.append(_marks(rule, points, "lr", DOT, hover, [None] * len(points)))
        for each in drawn[-2:]:
            each.trace["yaxis"] = "y2"
    several = len(answer["seeds"]) > 1
    loss = "Smoothed training loss over the LR, the median and the range of the seeds."
    note = loss if several else "Smoothed training loss over the LR of one seed."
    made = _figure(drawn, lrs, (1.0, 10.0), f"{note} Below: what each rule suggests on a seed.")
    layout = made.figure["layout"]
    layout["yaxis"] = {
        "type": "linear", "domain": [0.38, 1], "range": _linear(over), "nticks": 5,
        "fixedrange": True,
    }  # fmt: skip
    layout["yaxis2"] = {
        "domain": [0, 0.3],
        "range": [-0.6, len(RULES) - 0.4],
        "tickvals": list(range(len(RULES))),
        "ticktext": [NAMES[rule] for rule in reversed(RULES)],
        "showgrid": True,
        "fixedrange": True,
    }
    layout["xaxis"]["anchor"] = "y2"
    layout["margin"]["l"] = 84
    return made


def _room(losses: Sequence[float]) -> tuple[float, float]:
    """The losses at the edges of a logarithmic axis."""
    low, high = math.log10(min(losses)), math.log10(max(losses))
    pad = PAD * max(high - low, 0.3)
    return 10 ** (low - pad), 10 ** (high + 2 * pad)


def _ticks(low: float, high: float) -> list[float]:
    """Where a logarithmic axis is labelled: 0.1, 0.2, 0.5, 1; over many decades only at these."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 4 else (1,)
    return [value for e in decades for m in steps if low <= (value := float(f"{m}e{e}")) <= high]


def _linear(over: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    """The range of a linear axis: a loss that breaks is cut off at twice where it began."""
    low, high = min(over["low"]), min(max(over["high"]), 2 * over["high"][0])
    pad = PAD * (high - low or 1)
    return low - pad, high + pad


def _beside(low: float, high: float) -> tuple[float, float]:
    return float(low / 10**BESIDE), float(high * 10**BESIDE)


def _area(across: tuple[float, float], up: tuple[float, float]) -> _Drawn:
    (left, right), (low, high) = across, up
    trace = {
        "type": "scatter", "meta": "band", "mode": "lines", "line": {"width": 0},
        "fill": "toself", "hoverinfo": "skip",
        "x": [left, left, right, right], "y": [low, high, high, low],
    }  # fmt: skip
    return _Drawn(trace, "best", "33")


def _cliff(lr: float, up: tuple[float, float]) -> list[_Drawn]:
    return [_line("cliff", [(lr, up[0]), (lr, up[1])], "cut", dash=theme.DASHED, width=theme.THIN)]


def _dead(lrs: Sequence[float], high: float, runs: Sequence[int | None]) -> list[_Drawn]:
    """A cross at the upper edge for each LR at which a loss was not finite."""
    hover = [f"LR {lr_text(lr)}: the loss became infinite or not a number" for lr in lrs]
    return [_marks("diverged", [(lr, high) for lr in lrs], "cut", CROSS, hover, runs)]


def _ring(point: tuple[float, float]) -> list[_Drawn]:
    return [_marks("answer", [point], "ink", RING, [""], [None], size=18)]


def _crosses(dead: Sequence[float]) -> str:
    return " A cross: the loss was not finite." if dead else ""


def _line(
    key: str,
    points: Sequence[tuple[float, float | None]],
    colour: str,
    hover: str = "",
    dash: str = "solid",
    width: float = theme.CURVE,
) -> _Drawn:
    told = {"hovertemplate": f"{hover}<extra></extra>"} if hover else {"hoverinfo": "skip"}
    trace = {
        "type": "scatter", "meta": key, "mode": "lines", "line": {"dash": dash, "width": width},
        "x": [x for x, _ in points], "y": [y for _, y in points], "connectgaps": False, **told,
    }  # fmt: skip
    return _Drawn(trace, colour)


def _marks(
    key: str,
    points: Sequence[tuple[float, float]],
    colour: str,
    symbol: str,
    hover: Sequence[str],
    runs: Sequence[int | None],
    size: int = 8,
) -> _Drawn:
    """Points; a click on one leads to its run."""
    trace = {
        "type": "scatter", "meta": key, "mode": "markers", "cliponaxis": False,
        "marker": {"symbol": symbol, "size": size, "line": {"width": theme.CURVE}},
        "x": [x for x, _ in points], "y": [y for _, y in points],
        "text": list(hover), "customdata": list(runs),
        **({"hovertemplate": "%{text}<extra></extra>"} if any(hover) else {"hoverinfo": "skip"}),
    }  # fmt: skip
    if symbol != RING:
        trace["marker"] = {"symbol": symbol, "size": size}
    return _Drawn(trace, colour)


def _figure(
    drawn: Sequence[_Drawn], lrs: Sequence[float], up: tuple[float, float], note: str
) -> Found:
    left, right = _beside(min(lrs), max(lrs))
    layout = {
        "height": HEIGHT,
        "xaxis": {
            "type": "log",
            "range": [math.log10(left), math.log10(right)],
            "title": {"text": "learning rate", "standoff": 6},
            "tickformat": LR_TICKS["log"],
            "labelalias": ALIASES,
            "dtick": 1 if math.log10(right / left) < MOST_DECADES else 2,
            "fixedrange": True,
        },
        "yaxis": {
            "type": "log",
            "range": [math.log10(value) for value in up],
            "tickvals": _ticks(*up),
            "tickformat": "~g",
            "fixedrange": True,
        },
        "margin": {"l": 52, "r": 14, "t": 14, "b": 44},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "uirevision": "keep",
    }
    made = {"data": [each.trace for each in drawn], "layout": layout}
    return Found(
        made, templates(lambda colour: {"scatter": [_look(d, colour) for d in drawn]}), note
    )


def _look(drawn: _Drawn, colour: Mapping[str, str]) -> dict[str, Any]:
    own = colour[drawn.colour]
    return {
        "line": {"color": own},
        "marker": {"color": own, "line": {"color": own}},
        "fillcolor": f"{own}{drawn.fill}",
    }
