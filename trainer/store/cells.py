"""The cells of a sweep: added, what they share while it trains, and how those end that do not train
by themselves. torch-free.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..config.run import RunConfig
from ..schedule.decisions import Decision
from . import queue, recording
from .database import Database
from .faults import CommandError
from .owners import Owner
from .run import Status

# Asked to stop since it was last queued, stopped while it waited, or deleted then.
LEFT = (
    "SELECT runs.id FROM runs, json_each(?) AS asked WHERE runs.id = asked.value "
    "AND (status NOT IN ('queued', 'training') OR deleted IS NOT NULL OR EXISTS "
    "(SELECT 1 FROM commands WHERE run = runs.id AND name = 'stop' AND commands.id > runs.asked))"
)


class Cells:
    """The part of a store that records the cells of sweeps."""

    _database: Database
    _owner: Owner

    # Add

    def add_cells(
        self,
        sweep: int,
        cells: Sequence[RunConfig],
        parents: Sequence[tuple[int, int]] | None = None,
        plan: Mapping[str, Any] | None = None,
    ) -> list[int]:
        """Add cells to a sweep that trains; returns their run ids.

        Args:
            parents: for each, the run and its epoch that it is a fork of; none if left out.
            plan: replaces the sweep's.
        """
        with self._database.transaction() as connection:
            if plan is not None:
                _replan(connection, sweep, plan)
            return _insert(connection, sweep, cells, parents)

    def extend_sweep(
        self, sweep: int, cells: Sequence[RunConfig], plan: Mapping[str, Any]
    ) -> list[int]:
        """Add cells to a sweep that is over, with another plan, and queue it again; returns their
        run ids.

        Raises:
            CommandError: it is not over.
        """
        with self._database.transaction() as connection:
            again = connection.execute(
                "UPDATE sweeps SET status = 'queued', reason = NULL, asked = NULL WHERE id = ? "
                "AND status NOT IN ('queued', 'training') RETURNING id",
                (sweep,),
            ).fetchone()
            if again is None:
                raise CommandError(f"Sweep {sweep} has not ended: pause it before you add to it.")
            _replan(connection, sweep, plan)
            return _insert(connection, sweep, cells, None)

    # Train

    def share(self, leader: int, epoch: int, followers: Iterable[tuple[int, Decision]]) -> set[int]:
        """Record that cells share an epoch which another has trained, each with the decision of its
        own schedule. Returns those that do not: a person has stopped them.
        """
        decided = dict(followers)
        with self._database.transaction() as connection:
            left = {run for (run,) in connection.execute(LEFT, (json.dumps([*decided]),))}
            _end(connection, dict.fromkeys(left), "stopped")
            rows = [(leader, epoch, run, d) for run, d in decided.items() if run not in left]
            self._share(connection, rows)
        return left

    def catch_up(self, shared: Mapping[int, Sequence[tuple[int, int, Decision]]]) -> None:
        """Record which epochs cells share with others that have trained them already.

        Args:
            shared: by cell, in order: who trained the epoch, the epoch, the cell's decision.
        """
        with self._database.transaction() as connection:
            for run, epochs in shared.items():
                self._share(connection, [(leader, epoch, run, d) for leader, epoch, d in epochs])

    def _share(
        self, connection: sqlite3.Connection, shared: Sequence[tuple[int, int, int, Decision]]
    ) -> None:
        now = time.time()
        connection.executemany(
            "INSERT OR REPLACE INTO shared VALUES (?, ?, ?)",
            [(run, epoch, recording.stored(decision)) for _, epoch, run, decision in shared],
        )
        connection.executemany(
            "UPDATE runs SET parent = ?, parent_epoch = ?, epoch = ?, status = 'training', "
            "owner = ?, began = coalesce(began, ?), ended = coalesce(ended, began, ?) + "
            "coalesce((SELECT seconds FROM epochs WHERE run = ? AND epoch = ?), 0) WHERE id = ?",
            [
                (leader, epoch, epoch, self._owner.id, now, now, leader, epoch, run)
                for leader, epoch, run, _ in shared
            ],
        )

    def part(self, runs: Iterable[int]) -> None:
        """Queue cells that share no further epochs for now, or that wait for others: each goes on
        from where it is.
        """
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE runs SET status = 'queued' WHERE id = ? "
                "AND status IN ('training', 'interrupted')",
                [(run,) for run in runs],
            )

    def share_end(self, leader: int, followers: Iterable[int]) -> None:
        """Let cells end as the one did of which they have shared every epoch."""
        ended = "status, reason, epoch, started, test_loss, test_accuracy"
        with self._database.transaction() as connection:
            connection.executemany(
                f"UPDATE runs SET ({ended}, parent, parent_epoch) = "
                f"(SELECT {ended}, id, epoch FROM runs WHERE id = ?) WHERE id = ?",
                [(leader, run) for run in followers],
            )

    def end_cells(self, runs: Iterable[int], status: Status, reason: str | None) -> None:
        """End cells that do not train now."""
        with self._database.transaction() as connection:
            _end(connection, dict.fromkeys(runs, reason), status)

    def stop_cells(self, reasons: Mapping[int, str]) -> None:
        """Stop cells that do not train now, each for its reason, all or none."""
        with self._database.transaction() as connection:
            _end(connection, reasons, "stopped")

    def requeue_cells(self, runs: Iterable[int]) -> None:
        """Queue cells again that have ended before their last epoch."""
        with self._database.transaction() as connection:
            for run in runs:
                queue.resume(connection, run)


def _end(connection: sqlite3.Connection, reasons: Mapping[int, str | None], status: Status) -> None:
    connection.executemany(
        "UPDATE runs SET status = ?, reason = ?, activity = NULL, paused = 0 WHERE id = ? "
        "AND status IN ('queued', 'training', 'interrupted')",
        [(status, reason, run) for run, reason in reasons.items()],
    )


def _insert(
    connection: sqlite3.Connection,
    sweep: int,
    cells: Sequence[RunConfig],
    parents: Sequence[tuple[int, int]] | None,
) -> list[int]:
    added = []
    for i, cell in enumerate(cells):
        run, epoch = parents[i] if parents else (None, None)
        columns = {"status": "queued", "sweep": sweep, "parent": run}
        columns |= {"parent_epoch": epoch, "epoch": epoch or 0}
        added.append(queue.insert(connection, cell, "trained", columns))
    return added


def _replan(connection: sqlite3.Connection, sweep: int, plan: Mapping[str, Any]) -> None:
    connection.execute("UPDATE sweeps SET plan = ? WHERE id = ?", (json.dumps(dict(plan)), sweep))
