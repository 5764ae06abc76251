"""What the table asks the server for: rows, what is new of those on show, and changes of runs."""

import zlib
from array import array
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints

from app.repeating import settings_again
from app.runs.cells import rows
from trainer.compare.repeats import MOST_SEEDS
from trainer.config.table import ConfigError
from trainer.store.faults import CommandError
from trainer.store.listing import Filter, Listing, Operator, Query, deleted, is_empty, runs_of
from trainer.store.listing_columns import COLUMNS
from trainer.store.run import Run
from trainer.store.store import Store

BLOCK = 100
MOST_SHOWN = 400  # rows that a page asks about at once
MOST_TEXT = 200
MOST_CHANGED = 100_000
WAIT_MS = 1000

Id = Annotated[int, Field(gt=0, lt=2**63)]
Text = Annotated[str, StringConstraints(max_length=MOST_TEXT)]
ColumnKey = Annotated[str, StringConstraints(pattern=f"^(?:{'|'.join(COLUMNS)})$")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Filter(_Strict):
    column: ColumnKey
    operator: Operator
    value: Text | FiniteFloat | None = None
    to: FiniteFloat | None = None


class _Query(_Strict):
    """Which runs the table lists, and in which order."""

    text: Text = ""
    states: list[Text] = Field(default=[], max_length=20)
    archived: bool = False
    filters: list[_Filter] = Field(default=[], max_length=100)
    sort: list[tuple[ColumnKey, bool]] = Field(default=[], max_length=20)

    def query(self) -> Query:
        return Query(
            self.text,
            tuple(self.states),
            self.archived,
            tuple(Filter(f.column, f.operator, f.value, f.to) for f in self.filters),
            tuple(self.sort),
        )


class Block(_Strict):
    """The rows from `start` on, at most BLOCK of them; and the runs that the page has selected."""

    query: _Query
    selected: list[Id] = Field(default=[], max_length=MOST_CHANGED)
    start: int = Field(ge=0, lt=2**31)


class Shown(_Strict):
    """The rows on show, by run, each in the version that the page has; `version` is the store's."""

    query: _Query
    selected: list[Id] = Field(default=[], max_length=MOST_CHANGED)
    version: int | None
    rows: dict[Annotated[str, StringConstraints(pattern="^[0-9]{1,18}$")], int] = Field(
        max_length=MOST_SHOWN
    )


class Change(_Strict):
    """What a person changes of runs."""

    what: Literal[
        "star", "archive", "rename", "tag", "tags", "note", "delete", "restore", "seeds", "without"
    ]
    runs: list[Id] = Field(min_length=1, max_length=MOST_CHANGED)
    value: str | bool | None = None


def block(listing: Listing, asked: Block) -> dict[str, Any]:
    """Rows of a query, how many there are in all, a checksum of their order, which of the selected
    runs are not listed, and whether there is no run at all.
    """
    ids = listing.ids(asked.query.query())
    found = rows(listing.store, ids[asked.start : asked.start + BLOCK])
    none = not ids and is_empty(listing.store)
    return {"rows": found, **_extent(ids, asked.selected), "none": none}


def news(listing: Listing, shown: Shown) -> dict[str, Any]:
    """What is new of the rows on show, and whether others are listed, or in another order."""
    version = listing.store.version()
    extent = _extent(listing.ids(shown.query.query()), shown.selected)
    answer = {"version": version, **extent, "wait": WAIT_MS}
    if version == shown.version:
        return answer
    now = rows(listing.store, [int(run) for run in shown.rows])
    changed = [row for row in now if row["version"] != shown.rows[str(row["id"])]]
    gone = {run: round(1000 * left) for run, left in deleted(listing.store).items()}
    return {**answer, "rows": changed, "deleted": gone}


def _extent(ids: list[int], selected: list[int]) -> dict[str, Any]:
    listed = set(ids) if selected else set[int]()
    return {
        "count": len(ids),
        "order": zlib.crc32(array("q", ids).tobytes()),
        "unlisted": [run for run in selected if run not in listed],
    }


def change(store: Store, asked: Change) -> str | None:
    """Change runs; returns why it was refused, in a sentence."""
    value = asked.value
    text = value if isinstance(value, str) else ""
    try:
        match asked.what:
            case "delete":
                store.delete(asked.runs)
            case "restore":
                store.restore(asked.runs)
            case "tag":
                for run in runs_of(store, asked.runs):
                    own = run.tags if isinstance(run, Run) else ()
                    store.tag(run.id, [*own, *text.split(",")])
            case "seeds":
                count = int(text) if text.isdecimal() else 0
                if not 1 <= count <= MOST_SEEDS:
                    return f"The number of seeds must be from 1 to {MOST_SEEDS}."
                settings_again(store, asked.runs, count)
            case "without":
                settings_again(store, asked.runs, None)
            case _:
                for number in asked.runs:
                    _change_one(store, asked.what, number, value, text)
    except (CommandError, ConfigError) as error:
        return str(error)
    return None


def _change_one(store: Store, what: str, run: int, value: str | bool | None, text: str) -> None:
    match what:
        case "star":
            store.star(run, value is True)
        case "archive":
            store.archive(run, value is True)
        case "rename":
            store.rename(run, text)
        case "tags":
            store.tag(run, text.split(","))
        case "note":
            store.annotate(run, text)
