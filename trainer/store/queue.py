"""Runs that wait to be trained: inserted, queued again, claimed. torch-free."""

import sqlite3
import time

from ..config import versions
from ..config.recipe import Recipe
from .run import RESUMABLE, Source


def insert(
    connection: sqlite3.Connection, config: Recipe, source: Source, columns: dict[str, object]
) -> int:
    """Insert a run; returns the run id."""
    values = {
        "created": time.time(),
        "source": source,
        "config": config.model_dump_json(),
        "config_version": versions.VERSION,
        **columns,
    }
    cursor = connection.execute(
        f"INSERT INTO runs ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
        tuple(values.values()),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def revise(connection: sqlite3.Connection, run: int, recipe: Recipe) -> None:
    """Replace what is known of the recipe of a run that trains elsewhere."""
    connection.execute(
        "UPDATE runs SET config = ?, config_version = ? WHERE id = ?",
        (recipe.model_dump_json(), versions.VERSION, run),
    )


def has_trained(connection: sqlite3.Connection, run: int, epoch: int) -> bool:
    """Whether a run of LRScope's own has trained this epoch; every one has its start, epoch 0."""
    found = connection.execute(
        "SELECT 1 FROM runs WHERE id = :run AND source = 'trained' AND deleted IS NULL "
        "AND (:epoch = 0 OR EXISTS "
        "(SELECT 1 FROM epochs WHERE run = :run AND epoch = :epoch AND decision IS NOT NULL))",
        {"run": run, "epoch": epoch},
    )
    return found.fetchone() is not None


def resume(connection: sqlite3.Connection, run: int) -> bool:
    """Queue a run again if it can be resumed; returns whether it was."""
    resumed = connection.execute(
        "UPDATE runs SET status = 'queued', reason = NULL, activity = NULL, paused = 0, "
        "warning = NULL, "
        "asked = (SELECT coalesce(max(id), 0) FROM commands WHERE run = runs.id) "
        "WHERE id = ? AND source = 'trained' "
        f"AND status IN ({', '.join('?' * len(RESUMABLE))}) RETURNING id",
        (run, *RESUMABLE),
    )
    return resumed.fetchone() is not None


# A cell waits for its sweep, as long as that has not ended.
WAITS_ALONE = (
    "(sweep IS NULL OR (SELECT status FROM sweeps WHERE sweeps.id = runs.sweep) "
    "NOT IN ('queued', 'training'))"
)


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether no run is queued by itself."""
    found = connection.execute(
        f"SELECT 1 FROM runs WHERE status = 'queued' AND {WAITS_ALONE} LIMIT 1"
    )
    return found.fetchone() is None


def claim(connection: sqlite3.Connection, owner: str, run: int | None) -> int | None:
    """Claim a queued run for an owner, this one or the oldest that waits by itself; None if there
    is none.
    """
    row = connection.execute(
        "UPDATE runs SET status = 'training', owner = :owner, began = coalesce(began, :now), "
        "ended = coalesce(ended, began, :now) WHERE id = ("
        f"SELECT id FROM runs WHERE status = 'queued' AND (id = :run OR {WAITS_ALONE}) "
        "AND id = coalesce(:run, id) ORDER BY id LIMIT 1) RETURNING id",
        {"owner": owner, "now": time.time(), "run": run},
    ).fetchone()
    return None if row is None else int(row[0])


def trained_by(connection: sqlite3.Connection, owner: str) -> str | None:
    """What an owner trains, for which all that is queued after it waits: "run #3", "run #3, which
    is paused" or "sweep #2"; None if nothing.
    """
    row = connection.execute(
        "SELECT 'sweep #' || id FROM sweeps WHERE status = 'training' AND owner = :owner UNION ALL "
        "SELECT 'run #' || id || iif(paused, ', which is paused', '') FROM runs "
        "WHERE status = 'training' AND owner = :owner AND source = 'trained' AND sweep IS NULL "
        "LIMIT 1",
        {"owner": owner},
    ).fetchone()
    return row and str(row[0])
