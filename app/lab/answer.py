"""A what-if's answer: a comparison as text, and as curves on top of the run's. Pure."""

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component
from typing_extensions import TypedDict  # the one that pydantic reads before Python 3.12

from app.charts import figures
from app.charts.series import Line
from app.checked import Whole
from trainer.replay.comparison import Comparison

RULES_HELP = {
    "Keras": "keras.callbacks.ReduceLROnPlateau with these parameters: it cuts one bad epoch "
    "earlier, and has no relative threshold (min_delta is then 1e-4).",
    "fastai": "fastai's ReduceLROnPlateau with these parameters: it cuts one bad epoch earlier, "
    "and has neither a relative threshold (min_delta is then 0) nor a cooldown.",
}
MOST_CUTS = 6  # listed, before "… +12"


class Result(TypedDict):
    """What the page keeps of a what-if besides its curves: the run, the settings, the first epoch
    that differs, and whether the cut map is left as it was.
    """

    run: Whole
    values: dict[str, Any]
    first: Whole | None
    stale_map: bool


def answer(
    comparison: Comparison, rules: dict[str, list[int]], cautions: Sequence[str]
) -> list[Component]:
    """A comparison as text: how far it is exact, each rule's cuts, and cautions."""
    first = comparison.first
    known = [e for e in comparison.would_cut if first is None or e < first]
    guessed = [e for e in comparison.would_cut if first is not None and e >= first]
    sentences = [html.P(comparison.sentence)]
    if comparison.remedy:
        sentences.append(html.P(comparison.remedy))
    rows = [
        ("This run", _epochs(comparison.cuts), "What the run did."),
        (
            "What if",
            _epochs(known, guessed),
            "What torch's class would do; guesses are in italics.",
        ),
        *((name, _epochs(cuts), RULES_HELP[name]) for name, cuts in rules.items()),
    ]
    table = html.Table(
        [
            html.Thead(html.Tr([html.Td(), html.Th("cuts after epoch")])),
            html.Tbody(
                [html.Tr([html.Th(name, title=help), html.Td(cuts)]) for name, cuts, help in rows]
            ),
        ],
        className="cuts-table",
    )
    listed = html.Ul([html.Li(sentence) for sentence in cautions], className="cautions")
    return [*sentences, table, *([listed] if cautions else [])]


def _epochs(known: Sequence[int], guessed: Sequence[int] = ()) -> list[Any]:
    """A list of at most MOST_CUTS epochs, the guessed ones in italics."""
    if not known and not guessed:
        return ["none"]
    listed, more = [*known, *guessed][:MOST_CUTS], len(known) + len(guessed) - MOST_CUTS
    parts: list[Any] = []
    for i, epoch in enumerate(listed):
        text = f"{', ' if i else ''}{epoch}"
        parts.append(text if i < len(known) else html.Em(text))
    return [*parts, f"… +{more}"] if more > 0 else parts


def overlay(comparison: Comparison) -> dict[str, Any]:
    """The first differing epoch, and what a what-if adds to the charts: its LR from that epoch on,
    and its cuts before the last epoch, those that are exact and those that are guesses.
    """
    first = comparison.first
    guessed = [s for s in comparison.steps if first is not None and s.epoch >= first]
    lr = Line(
        [x for s in guessed for x in (s.epoch - 0.5, s.epoch, s.epoch + 0.5)],
        [y for s in guessed for y in (s.lr, s.lr, s.lr_last)],
    )
    decided = [s.decision for s in comparison.steps if s.epoch < comparison.other.epochs]
    cuts = [decision for decision in decided if decision.kind == "cut"]
    exact = [cut for cut in cuts if first is None or cut.epoch < first]
    return {"first": first, **figures.what_if(lr, exact, cuts[len(exact) :], first)}
