"""Recorded runs in a script or a notebook: `from lrscope import runs`. torch-free at first."""

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import folders
from ..config.run import RunConfig
from ..config.table import changed, keyed
from ..export import tables
from ..export.summary import summaries
from ..export.tables import Record
from ..store import table
from ..store.run import Run, Status
from ..store.store import Store, existing
from .picture import Theme
from .training import follow

if TYPE_CHECKING:
    import pandas

# `list` is a function of this module.
Records = builtins.list[Record]


def _folder(home: Path | str | None) -> Path:
    return folders.home() if home is None else Path(home)


@contextmanager
def _opened(home: Path | str | None) -> Iterator[Store]:
    store = existing(_folder(home))
    try:
        yield store
    finally:
        store.close()


def list(
    *,
    status: Status | None = None,
    schedule: str | None = None,
    dataset: str | None = None,
    limit: int | None = None,
    archived: bool = False,
    home: Path | str | None = None,
) -> Records:
    """A record for each run, the newest first, as `lrscope runs --json` prints them.

    Args:
        status, schedule, dataset: only runs with these.
        limit: at most so many.
        archived: also those that are archived.
        home: the folder of the runs; LRScope's own if None.

    Raises:
        StoreError: there is no such home, or its store cannot be read.
    """

    def accepts(run: Run) -> bool:
        data = run.config and run.config.dataset
        found = (run.status, run.recipe.schedule.name, data)
        asked = (status, schedule, dataset)
        return all(a in (None, f) for a, f in zip(asked, found, strict=True))

    with _opened(home) as store:
        found = table.newest(store, limit, accepts, archived)
        return summaries(store, [run for run in found if isinstance(run, Run)])


def read(run: int, *, home: Path | str | None = None) -> Records:
    """A record for each epoch of a run, a fork's with those that it shares, as `lrscope train
    --json` prints them.

    Raises:
        StoreError: there is no such home, or its store cannot be read.
        CommandError: there is no such run.
    """
    with _opened(home) as store:
        return tables.records(store, run)


def frame(*runs: int, home: Path | str | None = None) -> "pandas.DataFrame":
    """The epochs of these runs as a DataFrame of pandas, with the columns of `lrscope export
    --format csv`; without a run the records of all runs.

    Raises:
        ImportError: pandas is not installed.
        StoreError: there is no such home, or its store cannot be read.
        CommandError: there is no such run.
    """
    try:
        import pandas
    except ImportError:
        raise ImportError("runs.frame needs pandas: pip install pandas.") from None
    if not runs:
        return pandas.DataFrame(list(home=home))
    with _opened(home) as store:
        rows: builtins.list[dict[str, Any]] = tables.rows(store, runs)
    return pandas.DataFrame(rows, columns=tables.columns(rows))


def train(
    config: RunConfig | None = None,
    *,
    home: Path | str | None = None,
    datasets: Path | str | None = None,
    theme: Theme = "light",
    **settings: Any,
) -> Record:
    """Train a run and keep it, as `lrscope train` does; returns its record, as `list` has it.

    In a notebook the cell shows its picture, which is drawn anew while it trains; elsewhere a line
    is printed for each epoch. An interrupt ends the run at its next batch: `resume` continues it.

    Args:
        config: the run's config; the default one if None.
        home: the folder of the runs; LRScope's own if None.
        datasets: the folder of the data sets; LRScope's own if None.
        theme: the colours of the picture.
        settings: changes to the config, named as in the terminal, with underscores.

    Raises:
        ConfigError: a setting is unknown or out of its bounds.
        StoreError: the store cannot be used.
    """
    chosen = changed(config or RunConfig(), keyed(settings))
    store = Store(_folder(home))
    return follow(store, store.add(chosen, claimed=True), datasets, theme)


def resume(
    run: int,
    *,
    home: Path | str | None = None,
    datasets: Path | str | None = None,
    theme: Theme = "light",
) -> Record:
    """Continue a run that was stopped or interrupted from its last snapshot, and show it as `train`
    does.

    Raises:
        CommandError: there is no such run, or it cannot be resumed.
        StoreError: there is no such home, or its store cannot be used.
    """
    store = existing(_folder(home))
    try:
        store.resume(run, claimed=True)
    except BaseException:
        store.close()
        raise
    return follow(store, run, datasets, theme)
