"""The four numbers above the charts: the LR, and metrics whatever their names are. Pure."""

from collections.abc import Collection, Sequence
from typing import Any

from app import ids
from app.charts.best import LOSS, Best
from app.charts.series import ratio
from app.lab.progress import seconds_an_epoch
from trainer.config.metrics import OF_GROUP, rises, words
from trainer.config.run import samples
from trainer.config.text import lr_text, significant
from trainer.schedule.epoch import Epoch
from trainer.store.run import Run

# What each is called where it shows what LRScope's own runs measure.
CARDS = {
    "lr": "learning rate",
    "val": "validation",
    "train": "train",
    "accuracy": "accuracy",
}
OWN = {"val": LOSS, "train": "train_loss", "accuracy": "val_accuracy"}

NO_CARDS = {
    **{ids.card(name, "value"): "–" for name in CARDS},
    **{ids.card(name, "label"): label for name, label in CARDS.items()},
    **{ids.card(name, "small"): "" for name in CARDS},
}


def cards(run: Run, last: Sequence[Epoch], best: Best | None, lr: float) -> dict[str, Any]:
    """The texts of the cards, by id.

    Args:
        last: the run's last epochs, oldest first, at least one.
        lr: what trains now.
    """
    names = dict.fromkeys(name for row in last for name in row.metrics)
    had = [*names, best.metric] if best else [*names]
    shown = {
        ids.card("lr", "value"): lr_text(lr),
        ids.card("lr", "label"): CARDS["lr"],
        ids.card("lr", "small"): "" if lr == run.recipe.lr else ratio(run.recipe.lr, lr),
    }
    for card, metric in on_cards(run.recipe.monitor, had).items():
        value = last[-1].metrics.get(metric) if metric else None
        small = _speed(run, last) if card == "train" else ""
        if best and best.metric == metric:
            small = f"best {number(metric, best.value)} at {best.epoch}"
        label = CARDS[card] if metric in (None, OWN[card]) else metric
        shown |= {
            ids.card(card, "value"): "–" if metric is None else number(metric, value),
            ids.card(card, "label"): label,
            ids.card(card, "small"): small,
        }
    return shown


def on_cards(monitor: str, metrics: Collection[str]) -> dict[str, str | None]:
    """The metric of each card, by the metrics' names; None where none fits."""
    names = [name for name in metrics if not name.startswith(OF_GROUP)]
    falls = [name for name in names if not rises(name)]
    val = LOSS if LOSS in names else None
    if val is None and monitor in falls and monitor != OWN["train"]:
        val = monitor
    others = [name for name in falls if name != val]
    train = OWN["train"] if OWN["train"] in names else next(iter(others), None)
    rising = [name for name in names if rises(name)]
    first = [name for name in (OWN["accuracy"], monitor) if name in rising]
    return {"val": val, "train": train, "accuracy": next(iter(first + rising), None)}


def number(metric: str, value: float | None) -> str:
    """A metric's value: an accuracy in percent, any other with three significant digits."""
    if value is None:
        return "–"
    if {"acc", "accuracy"} & words(metric) and 0 <= value <= 1:
        return f"{100 * value:.1f} %"
    return significant(value)


def _speed(run: Run, last: Sequence[Epoch]) -> str:
    """How many images a second the run trains; two digits are steady enough to be read."""
    seconds = seconds_an_epoch(run, last)
    if not run.started or not seconds:
        return ""
    each = samples(run.config.dataset) if run.config else "samples"
    return f"{float(f'{run.started.train / seconds:.2g}'):,.0f} {each}/s"
