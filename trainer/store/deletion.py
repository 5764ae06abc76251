"""Deletes runs, and sweeps with their cells, first so that it can be undone. torch-free."""

import sqlite3
from collections.abc import Collection

UNDO_SECONDS = 60.0  # from then on a deleted run may be purged
TABLES = ("epochs", "traces", "best", "commands", "interventions", "shared")


# A sweep that was deleted is one that a person has asked for to be; it ended then.
SWEEP_DELETED = "asked IS 'delete'"


def refusal(connection: sqlite3.Connection, runs: Collection[int]) -> str | None:
    """Why these runs cannot be deleted together, in a sentence; None if they can."""
    chosen = f"({', '.join(map(str, runs))})"
    found = connection.execute(
        f"SELECT id, status FROM runs WHERE deleted IS NULL AND id IN {chosen}"
    ).fetchall()
    for run in runs:
        if run not in {id for id, _ in found}:
            return f"There is no run {run}."
    for run, status in found:
        if status in ("training", "queued"):
            state = "is queued" if status == "queued" else "has not ended"
            return f"Run {run} {state}: stop it before you delete it."
    forks = connection.execute(
        "SELECT parent, min(id) FROM runs WHERE deleted IS NULL "
        f"AND parent IN {chosen} AND id NOT IN {chosen} GROUP BY parent"
    ).fetchone()
    if forks:
        parent, fork = forks
        return (
            f"Run {fork} is a fork of run {parent} and needs its epochs: delete both, "
            f"or archive run {parent} in the view Runs."
        )
    return None


def purge(connection: sqlite3.Connection, before: float) -> list[int]:
    """Remove the runs that were deleted before that time, and all that is recorded of them; returns
    their ids.
    """
    gone = [id for (id,) in connection.execute("SELECT id FROM runs WHERE deleted < ?", (before,))]
    # Forks first, since they refer to their parents.
    for run in sorted(gone, reverse=True):
        for table in TABLES:
            connection.execute(f"DELETE FROM {table} WHERE run = ?", (run,))
        connection.execute("DELETE FROM runs WHERE id = ?", (run,))
    # A range test has no cells; any other sweep goes with the last of them.
    connection.execute(
        "DELETE FROM sweeps WHERE status NOT IN ('queued', 'training') "
        f"AND NOT EXISTS (SELECT 1 FROM runs WHERE sweep = sweeps.id) "
        f"AND (kind != 'range' OR ({SWEEP_DELETED} AND ended < ?))",
        (before,),
    )
    return gone
