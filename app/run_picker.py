"""The choice of a run: what each is called, and the choices of the control that picks one."""

import unicodedata

from trainer.config.table import setting_of
from trainer.config.text import lr_text, plain
from trainer.store.rows import Run, Unreadable
from trainer.store.store import Store

LISTED_RUNS = 50
MOST_SHOWN = 60  # characters of a file's name
FROM_THE_RIGHT = {"R", "AL"}  # Hebrew and its like, Arabic and its like
MODELS, DATASETS = setting_of("model").words, setting_of("dataset").words


def choices(store: Store) -> list[dict[str, str]]:
    """The choices of the run picker, newest first."""
    return [
        {"value": str(run.id), "label": f"{run.id} · {_named(run)}"}
        for run in store.runs(LISTED_RUNS)
    ]


def _named(run: Run | Unreadable) -> str:
    return "cannot be read" if isinstance(run, Unreadable) else title(run)


def title(run: Run) -> str:
    """A run in a few words: CNN · Digits · Adam 0.01 · constant LR, or its origin."""
    config = run.config
    if config is None:
        return f"{origin(run)} · {run.source}"
    words = [
        MODELS[config.model],
        DATASETS[config.dataset].split(" (")[0],
        f"{config.optimizer.name} {lr_text(config.lr)}",
        config.schedule.traits.title or config.schedule.name,
    ]
    if run.parent:
        words.insert(0, f"fork of {run.parent} after {run.parent_epoch}")
    return " · ".join(words)


def origin(run: Run) -> str:
    """The file of an imported run as the page shows it. One that is written from right to left does
    not reorder the words around it.
    """
    name = plain(run.origin or "", MOST_SHOWN)
    if any(unicodedata.bidirectional(letter) in FROM_THE_RIGHT for letter in name):
        return f"\u2068{name}\u2069"
    return name
