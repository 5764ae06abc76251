"""Recorded runs in a script or a notebook: `from lrscope import runs`. torch-free."""

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import folders
from ..store import table
from ..store.rows import Run, Status
from ..store.store import Store, existing
from . import tables
from .summary import summaries
from .tables import Record

if TYPE_CHECKING:
    import pandas

# `list` is a function of this module.
Records = builtins.list[Record]


@contextmanager
def _opened(home: Path | str | None) -> Iterator[Store]:
    store = existing(folders.home() if home is None else Path(home))
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
    home: Path | str | None = None,
) -> Records:
    """A record for each run, the newest first, as `lrscope runs --json` prints them.

    Args:
        status, schedule, dataset: only runs with these.
        limit: at most so many.
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
        found = table.newest(store, limit, accepts)
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
