"""A what-if's answer: a comparison in words, and as curves over the run's own. Pure."""

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from app.charts import figures
from app.charts.series import Line
from trainer.replay.comparison import Comparison

RULES_HELP = {
    "Keras": "keras.callbacks.ReduceLROnPlateau with these parameters: it fires one bad epoch "
    "earlier, and knows no relative threshold (min_delta is 1e-4 then).",
    "fastai": "fastai's ReduceLROnPlateau with these parameters: it fires one bad epoch earlier, "
    "and knows neither a relative threshold (min_delta is 0 then) nor a cooldown.",
}
MOST_CUTS = 6  # named, before "and 12 more"


def answer(
    comparison: Comparison, rules: dict[str, list[int]], cautions: Sequence[str]
) -> list[Component]:
    """A comparison in words: how far it is exact, who cuts when, and cautions."""
    first = comparison.first
    known = [e for e in comparison.would_cut if first is None or e < first]
    guessed = [e for e in comparison.would_cut if first is not None and e >= first]
    sentences = [html.P(comparison.sentence)]
    if comparison.remedy:
        sentences.append(html.P(comparison.remedy))
    rows = [
        ("This run", _epochs(comparison.cuts), "What the run did."),
        ("What if", _epochs(known, guessed), "What torch's class would do; in italics a guess."),
        *((name, _epochs(cuts), RULES_HELP[name]) for name, cuts in rules.items()),
    ]
    table = html.Table(
        [
            html.Thead(html.Tr([html.Th(""), html.Th("cuts after epoch")])),
            html.Tbody(
                [html.Tr([html.Th(name, title=help), html.Td(cuts)]) for name, cuts, help in rows]
            ),
        ],
        className="cuts-table",
    )
    listed = html.Ul([html.Li(sentence) for sentence in cautions], className="cautions")
    return [*sentences, table, *([listed] if cautions else [])]


def _epochs(known: Sequence[int], guessed: Sequence[int] = ()) -> list[Any]:
    """Epochs as a person reads them, the guessed ones in italics; at most MOST_CUTS of them."""
    if not known and not guessed:
        return ["none"]
    shown, more = [*known, *guessed][:MOST_CUTS], len(known) + len(guessed) - MOST_CUTS
    parts: list[Any] = []
    for i, epoch in enumerate(shown):
        text = f"{', ' if i else ''}{epoch}"
        parts.append(text if i < len(known) else html.Em(text))
    return [*parts, f"… +{more}"] if more > 0 else parts


def overlay(comparison: Comparison) -> dict[str, Any]:
    """The first differing epoch, and what a what-if adds to the charts: its LR and its cuts from
    that epoch on.
    """
    first = comparison.first
    steps = [s for s in comparison.steps if first is not None and s.epoch >= first]
    cuts = [s for s in steps if s.decision.kind == "cut"]
    lr = Line(
        [x for s in steps for x in (s.epoch - 0.5, s.epoch + 0.5)],
        [y for s in steps for y in (s.lr, s.lr_last)],
    )
    at = Line([s.epoch for s in cuts], [s.lr_last for s in cuts])
    return {"first": first, **figures.what_if(lr, at, first)}
