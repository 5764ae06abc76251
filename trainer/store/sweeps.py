"""Sweeps: many runs, its cells, that share the epochs which they have in common. torch-free.

A cell is a run like any other. While its schedule decides like that of another cell it shares that
cell's epochs: it is then a fork of the cell, of an epoch that grows with every one that ends.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import ValidationError

from ..config import versions
from ..config.grid import Grid
from ..config.run import RunConfig
from ..schedule.decisions import Decision
from . import queue, rows
from .database import Database
from .deletion import SWEEP_DELETED
from .faults import CommandError, StoreError
from .owners import Owner
from .run import Run

SweepStatus = Literal[
    "queued", "training", "paused", "finished", "stopped", "failed", "interrupted"
]
SWEEP_OVER: set[SweepStatus] = {"paused", "finished", "stopped", "failed", "interrupted"}
Kind = Literal["grid", "find", "which", "range"]
Asked = Literal["pause", "stop"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep's current state. Times are seconds since 1970.

    Attributes:
        kind: a grid of cells, or one of the ways to find an LR.
        config: what its cells have in common, and what a cell has that names nothing else.
        plan: a grid's values; what another kind needs to know.
        workers: in how many processes it trains; 1 for the one that it is started in.
        asked: what a person asked of it while it trains.
        reason: why it ended as it did, in a sentence.
        answer: what it has found.
    """

    id: int
    created: float
    name: str | None
    kind: Kind
    config: RunConfig
    plan: dict[str, Any]
    workers: int
    status: SweepStatus
    asked: Asked | None
    reason: str | None
    answer: dict[str, Any] | None
    began: float | None
    ended: float | None

    @property
    def over(self) -> bool:
        return self.status in SWEEP_OVER

    @property
    def grid(self) -> Grid:
        """The plan of a grid."""
        return Grid.model_validate(self.plan)


@dataclass(frozen=True, slots=True)
class Epochs:
    """How many epochs a sweep's cells have in all, asked for and so far, and how many of those were
    trained: each that several cells share once.
    """

    asked: int
    done: int
    trained: int


COLUMNS = (
    "id", "created", "name", "kind", "config", "config_version", "plan", "workers", "status",
    "asked", "reason", "answer", "began", "ended",
)  # fmt: skip


class Sweeps:
    """The part of a store that records sweeps."""

    _database: Database
    _owner: Owner

    def add_sweep(
        self,
        kind: Kind,
        config: RunConfig,
        plan: Mapping[str, Any],
        cells: Sequence[RunConfig],
        workers: int = 1,
        name: str | None = None,
        claimed: bool = False,
    ) -> int:
        """Queue a sweep with its first cells; returns its id."""
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO sweeps (created, name, kind, config, config_version, plan, workers, "
                "status) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued')",
                (
                    time.time(), name, kind, config.model_dump_json(), versions.VERSION,
                    json.dumps(dict(plan)), workers,
                ),
            )  # fmt: skip
            sweep = cursor.lastrowid
            assert sweep is not None
            for cell in cells:
                queue.insert(connection, cell, "trained", {"status": "queued", "sweep": sweep})
            if claimed:
                self._claim_sweep(connection, sweep)
        return sweep

    # Read

    def sweep(self, sweep: int) -> Sweep | None:
        """The sweep with that id, None if there is none.

        Raises:
            StoreError: it cannot be read.
        """
        row = self._database.connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM sweeps WHERE id = ? AND NOT {SWEEP_DELETED}",
            (sweep,),
        ).fetchone()
        return None if row is None else _read(row)

    def sweeps(self, limit: int = 50) -> list[Sweep]:
        """The newest sweeps, newest first; without those whose cells are all archived, and those
        that cannot be read.
        """
        found = self._database.connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM sweeps WHERE NOT {SWEEP_DELETED} "
            "AND (kind = 'range' OR EXISTS (SELECT 1 FROM runs WHERE sweep = sweeps.id "
            "AND deleted IS NULL AND NOT archived)) ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        read = []
        for row in found:
            try:
                read.append(_read(row))
            except StoreError:
                continue
        return read

    def cells(self, sweep: int) -> list[Run]:
        """The runs of a sweep, oldest first.

        Raises:
            UnreadableError: one of them cannot be read.
        """
        found = self._database.connection.execute(
            f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE sweep = ? AND deleted IS NULL ORDER BY id",
            (sweep,),
        )
        return [rows.run(row) for row in found]

    def epochs_of(self, sweep: int) -> Epochs:
        """How many epochs a sweep has."""
        cells = "sweep = ? AND deleted IS NULL"
        asked, done = self._database.connection.execute(
            "SELECT coalesce(sum(json_extract(config, '$.epochs')), 0), coalesce(sum(epoch), 0) "
            f"FROM runs WHERE {cells}",
            (sweep,),
        ).fetchone()
        (trained,) = self._database.connection.execute(
            f"SELECT count(*) FROM epochs WHERE run IN (SELECT id FROM runs WHERE {cells})",
            (sweep,),
        ).fetchone()
        return Epochs(int(asked), int(done), int(trained))

    def decided(self, run: int, after: int = 0) -> dict[int, Decision]:
        """The decisions of a cell's own schedule on the epochs after `after` that another cell
        trained, by epoch.
        """
        found = self._database.connection.execute(
            "SELECT epoch, decision FROM shared WHERE run = ? AND epoch > ? ORDER BY epoch",
            (run, after),
        )
        return {epoch: rows.decision(run, text) for epoch, text in found}

    def sweep_asked(self, sweep: int) -> Asked | None:
        """What a person has asked of a sweep while it trains."""
        row = self._database.connection.execute(
            "SELECT asked FROM sweeps WHERE id = ?", (sweep,)
        ).fetchone()
        asked: Asked | None = row and row[0]
        return asked

    # Train

    def claim_sweep(self, sweep: int | None = None) -> int | None:
        """Claim a queued sweep, this one or the oldest, for this process; None if there is none."""
        found = self._database.connection.execute(
            "SELECT 1 FROM sweeps WHERE status = 'queued' LIMIT 1"
        )
        if found.fetchone() is None:
            return None  # called often, so avoid the write lock
        with self._database.transaction() as connection:
            return self._claim_sweep(connection, sweep)

    def _claim_sweep(self, connection: Any, sweep: int | None) -> int | None:
        row = connection.execute(
            "UPDATE sweeps SET status = 'training', asked = NULL, owner = ?, "
            "began = coalesce(began, ?) WHERE id = (SELECT id FROM sweeps "
            "WHERE status = 'queued' AND id = coalesce(?, id) ORDER BY id LIMIT 1) RETURNING id",
            (self._owner.id, time.time(), sweep),
        ).fetchone()
        if row is None:
            return None
        # What was under way when it ended early goes on.
        connection.execute(
            "UPDATE runs SET status = 'queued', reason = NULL, paused = 0 WHERE sweep = ? "
            "AND status IN ('interrupted', 'failed')",
            row,
        )
        return int(row[0])

    def end_sweep(
        self,
        sweep: int,
        status: SweepStatus,
        reason: str | None = None,
        answer: Mapping[str, Any] | None = None,
    ) -> None:
        """Record how a sweep has ended. Of one that did not finish, the cells that have not ended
        are interrupted: they go on with it.
        """
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE sweeps SET status = ?, reason = ?, ended = ?, asked = NULL, "
                "answer = coalesce(?, answer) WHERE id = ?",
                (status, reason, time.time(), answer and json.dumps(dict(answer)), sweep),
            )
            connection.execute(
                "UPDATE runs SET status = 'interrupted' WHERE sweep = ? "
                "AND status IN ('queued', 'training')",
                (sweep,),
            )

    def answer_sweep(self, sweep: int, answer: Mapping[str, Any]) -> None:
        """Record what a sweep has found so far."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE sweeps SET answer = ? WHERE id = ?", (json.dumps(dict(answer)), sweep)
            )

    # Command

    def ask_sweep(self, sweep: int, asked: Asked) -> None:
        """Ask a sweep to pause or to stop; both go on exactly where they were left. One that is
        paused can be stopped.

        Raises:
            CommandError: there is no such sweep, or it does not train.
        """
        row = self._known_sweep(sweep)
        if row.over and (row.status, asked) != ("paused", "stop"):
            raise CommandError(f"Sweep {sweep} is over ({row.status}) and cannot be changed.")
        status = {"pause": "paused", "stop": "stopped"}[asked]
        with self._database.transaction() as connection:
            connection.execute("UPDATE sweeps SET asked = ? WHERE id = ?", (asked, sweep))
            waiting = connection.execute(
                "UPDATE sweeps SET status = ?, asked = NULL WHERE id = ? "
                "AND status IN ('queued', 'paused') RETURNING id",
                (status, sweep),
            ).fetchone()
            if waiting:
                connection.execute(
                    "UPDATE runs SET status = 'interrupted' WHERE sweep = ? AND status = 'queued'",
                    (sweep,),
                )

    def resume_sweep(self, sweep: int, claimed: bool = False) -> None:
        """Queue a sweep again, to go on with the cells that have not ended.

        Raises:
            CommandError: there is no such sweep, or it trains.
        """
        row = self._known_sweep(sweep)
        if not row.over:
            raise CommandError(f"Sweep {sweep} is already {row.status}.")
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE sweeps SET status = 'queued', reason = NULL, asked = NULL WHERE id = ?",
                (sweep,),
            )
            if claimed:
                self._claim_sweep(connection, sweep)

    def rename_sweep(self, sweep: int, name: str | None) -> None:
        """Call a sweep by a name; None for none.

        Raises:
            CommandError: there is no such sweep.
        """
        self._known_sweep(sweep)
        with self._database.transaction() as connection:
            connection.execute("UPDATE sweeps SET name = ? WHERE id = ?", (name, sweep))

    def _known_sweep(self, sweep: int) -> Sweep:
        row = self.sweep(sweep)
        if row is None:
            raise CommandError(f"There is no sweep {sweep}.")
        return row


def _read(row: tuple[Any, ...]) -> Sweep:
    values = dict(zip(COLUMNS, row, strict=True))
    try:
        config = versions.read(RunConfig, values.pop("config"), values.pop("config_version"))
        plan, answer = json.loads(values["plan"]), values["answer"]
        if values["status"] not in get_args(SweepStatus) or values["kind"] not in get_args(Kind):
            raise ValueError(f"{values['status']} {values['kind']} is not known here")
        values |= {"plan": plan, "answer": answer and json.loads(answer)}
    except (ValidationError, ValueError, TypeError) as error:
        raise StoreError(f"Sweep {values['id']} cannot be read: {error}.") from error
    return Sweep(config=config, **values)
