"""Runs, their epochs, commands and interventions: written event by event, read from a cursor on.

torch-free.
"""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from ..config.recipe import Recipe
from ..config.run import RunConfig
from ..engine.events import Event
from ..schedule.epoch import Epoch
from ..schedule.interventions import ByHand, RecordedIntervention, refusal
from ..schedule.trace import Trace
from . import commands, permissions, queue, recording, rows, traces
from .cells import Cells
from .database import Database
from .faults import CommandError, StoreError
from .live import Live
from .notes import Notes
from .owners import Owner, any_alive
from .recording import Happened
from .rows import INTERVENTION_COLUMNS, RUN_COLUMNS, Command, Unreadable
from .run import EXAMPLE, CommandName, Run
from .schema import EPOCH_COLUMNS
from .sweeps import Sweeps

NEWEST = 2**63 - 1  # an id that no run has
TAKE_NO_VALUE: set[CommandName] = {"stop", "pause", "unpause", "step", "cut"}


def path_in(home: Path) -> Path:
    """The file of the store in a home."""
    return home / "lrscope.sqlite"


class Store(Notes, Live, Sweeps, Cells):
    """The runs under one folder. Any thread and any process may use it at the same time.

    Args:
        home: the folder; created if missing.

    Raises:
        StoreError: the folder cannot be written, or its store cannot be used.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = path_in(home)
        owners = home / "owners"
        try:
            permissions.make_folder(owners)
            permissions.close_home(home)
            self._database = Database(self.path, in_use=lambda: any_alive(owners))
            try:
                self._owner = Owner(owners)
            except BaseException:
                self._database.close()
                raise
        except OSError as error:
            raise StoreError(
                f"LRScope cannot store its runs in {home} ({error.strerror or error}): make room "
                "or make it writable, or choose another folder with --home."
            ) from error
        try:
            self.interrupt_orphans()
        except BaseException:
            self.close()
            raise

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's own connection, to read with. `close` closes it."""
        return self._database.connection

    def interrupt_orphans(self) -> None:
        """Mark the runs of processes that have died as interrupted."""
        self._owner.interrupt_orphans(self._database)

    def version(self) -> int:
        """A number that is another one after every change, of this process or of another."""
        return self._database.version()

    @property
    def damage(self) -> str | None:
        """The sentence on damage that was met in its file; None if none was. Nothing is written
        from then on, until `recheck` finds the file whole.
        """
        return self._database.damage

    def recheck(self) -> None:
        """After damage, write again if the file is whole again, since a copy was put back."""
        self._database.recheck()

    def refusal(self) -> str | None:
        """Why nothing can be recorded now, in a sentence; None if it can."""
        return self._database.refusal()

    def close(self) -> None:
        """Release this process's claim on its runs, and every thread's connection."""
        self._database.close()
        self.abandon()

    def abandon(self) -> None:
        """Release this process's claim on its runs, which can then be resumed, and nothing else:
        for a process that ends at once.
        """
        self._owner.release()

    # Add runs

    def add(
        self,
        config: RunConfig,
        pace: float | None = None,
        parent: tuple[int, int] | None = None,
        claimed: bool = False,
    ) -> int:
        """Queue a run; returns the run id.

        Args:
            config: the run's config.
            pace: epochs per second; None for no limit.
            parent: for a fork, the run that trained the epoch, and that epoch
                (`trainer.store.lineage.owner` finds the run; `trainer.config.forks.check` checks
                what may differ).
            claimed: claim it at once for this process to train.

        Raises:
            CommandError: the parent has not trained that epoch.
        """
        forked, epoch = parent or (None, None)
        with self._database.transaction() as connection:
            if parent and not queue.has_trained(connection, *parent):
                raise CommandError(f"Run {forked} has not trained epoch {epoch}: fork another.")
            run = queue.insert(
                connection,
                config,
                "trained",
                {
                    "status": "queued",
                    "pace": pace,
                    "parent": forked,
                    "parent_epoch": epoch,
                    "epoch": epoch or 0,
                },
            )
            if claimed:
                queue.claim(connection, self._owner.id, run)
        return run

    def add_example(self, config: RunConfig, name: str) -> int | None:
        """Queue a run as an example; returns the run id, None if there are runs already."""
        with self._database.transaction() as connection:
            if connection.execute("SELECT 1 FROM runs LIMIT 1").fetchone():
                return None
            return queue.insert(
                connection,
                config,
                "trained",
                {"status": "queued", "name": name, "origin": EXAMPLE},
            )

    def add_imported(
        self, recipe: Recipe, origin: str, epochs: Sequence[Epoch], warning: str | None = None
    ) -> int:
        """Store a run that was trained elsewhere, in one transaction; returns the run id.

        Args:
            recipe: its assumed recipe.
            origin: the file that it comes from.
            epochs: its epochs.
            warning: what the user should know about it.
        """
        now = time.time()
        with self._database.transaction() as connection:
            over = {"status": "finished", "began": now, "ended": now, "epoch": epochs[-1].epoch}
            known = {**over, "origin": origin, "warning": warning}
            run = queue.insert(connection, recipe, "imported", known)
            for epoch in epochs:
                for statement, values in recording.epoch_statements(epoch):
                    connection.execute(statement, {**values, "run": run})
        return run

    # Start and resume runs

    def resume(self, run: int, claimed: bool = False) -> None:
        """Queue a run that was interrupted or stopped, or that failed, to continue from its last
        snapshot.

        Raises:
            CommandError: there is no such run, or it cannot be resumed.
        """
        row = self._known(run)
        sweep = None if row.sweep is None else self.sweep(row.sweep)
        if sweep is not None and not sweep.over:
            raise CommandError(
                f"Run {run} is a cell of sweep {row.sweep}, which has not ended: it is the sweep "
                "that trains it."
            )
        with self._database.transaction() as connection:
            resumed = queue.resume(connection, run)
            if resumed and claimed:
                queue.claim(connection, self._owner.id, run)
        if not resumed:
            if not row.over:
                raise CommandError(f"Run {run} is already {row.status}.")
            if row.source != "trained":
                raise CommandError(
                    f"Run {run} was {row.source}: it has no weights to continue from."
                )
            raise CommandError(
                f"Run {run} has {row.status}; fork it to continue from one of its epochs."
            )

    def claim(self, run: int | None = None) -> int | None:
        """Claim a queued run, this one or the oldest, for this process; None if there is none."""
        if run is None and queue.is_empty(self._database.connection):
            return None  # called often, so avoid the write lock
        with self._database.transaction() as connection:
            return queue.claim(connection, self._owner.id, run)

    def trained_here(self) -> str | None:
        """What this process trains, for which what it is to train next waits: "run #3", "run #3,
        which is paused" or "sweep #2"; None if nothing.
        """
        return queue.trained_by(self._database.connection, self._owner.id)

    def record(
        self, run: int, event: Event, elapsed: float | None = None, made: int | None = None
    ) -> None:
        """Write one event of a run, in one transaction. An epoch replaces the one of that number.

        Args:
            elapsed: the seconds that the run has taken until now; None if unknown.
            made: the id of the command that the event carries out.
        """
        with self._database.transaction() as connection:
            recording.write(connection, run, Happened(time.time(), event, elapsed, made))

    # Read runs

    def run(self, run: int) -> Run | None:
        """The run with that id, None if there is none.

        Raises:
            UnreadableError: the run cannot be read.
        """
        row = self._database.connection.execute(
            f"SELECT {RUN_COLUMNS} FROM runs WHERE id = ? AND deleted IS NULL", (run,)
        ).fetchone()
        return None if row is None else rows.run(row)

    def runs(
        self, limit: int, before: int = NEWEST, archived: bool = False
    ) -> list[Run | Unreadable]:
        """The newest runs before the one of that id, newest first, including those that cannot be
        read.

        Args:
            archived: also those that are archived.
        """
        found = self._database.connection.execute(
            f"SELECT {RUN_COLUMNS} FROM runs WHERE id < ? AND deleted IS NULL "
            "AND (? OR NOT archived) ORDER BY id DESC LIMIT ?",
            (before, archived, limit),
        )
        return [rows.run_or_reason(row) for row in found]

    def newest(self) -> int | None:
        """The id of the run to show: the newest that is training, else the newest of all. A
        sweep's cells are only shown to whoever asks for one.
        """
        row = self._database.connection.execute(
            "SELECT coalesce(max(id) FILTER (WHERE status = 'training'), max(id)) "
            "FROM runs WHERE deleted IS NULL AND NOT archived AND sweep IS NULL"
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def has(self, run: int | None) -> bool:
        """Whether there is a run with this id."""
        found = self._database.connection.execute(
            "SELECT 1 FROM runs WHERE id = ? AND deleted IS NULL", (run,)
        )
        return found.fetchone() is not None

    def newest_started(self) -> int:
        """The highest id of a run that has started or is over; 0 before the first."""
        row = self._database.connection.execute(
            "SELECT coalesce(max(id), 0) FROM runs WHERE status != 'queued' AND sweep IS NULL"
        ).fetchone()
        return int(row[0])

    # Read epochs

    def epochs(self, run: int, after: int = 0) -> list[Epoch]:
        """The run's epochs after `after`, in order.

        Raises:
            UnreadableError: one of them cannot be read.
        """
        return self._epochs(run, "epoch > ?", after)

    def traces(self, run: int, after: int = 0) -> dict[int, Trace]:
        """What happened within the run's own epochs after `after`, by epoch, in order; also of the
        epoch that is training, as far as it is known.

        Raises:
            UnreadableError: one of them cannot be read.
        """
        return traces.after(self._database.connection, run, after)

    def best(self, run: int, metric: str) -> Epoch | None:
        """The run's epoch with the best value of a metric, the first of them; None if it has none.

        Raises:
            UnreadableError: it cannot be read.
        """
        row = self._database.connection.execute(
            "SELECT epoch FROM best WHERE run = ? AND metric = ?", (run, metric)
        ).fetchone()
        found = [] if row is None else self._epochs(run, "epoch = ?", row[0])
        return found[0] if found else None

    def _epochs(self, run: int, where: str, value: int) -> list[Epoch]:
        found = self._database.connection.execute(
            f"SELECT {', '.join(EPOCH_COLUMNS)} FROM epochs WHERE run = ? AND {where} "
            "ORDER BY epoch",
            (run, value),
        )
        return [rows.epoch(run, row) for row in found]

    # Commands and interventions

    def stop(self, run: int) -> None:
        """Ask a run to stop; a queued run is stopped at once."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE runs SET status = 'stopped', paused = 0 WHERE id = ? AND status = 'queued'",
                (run,),
            )
            commands.add(connection, run, "stop", None)

    def set_pace(self, run: int, pace: float | None) -> None:
        """Set a run's pace in epochs per second; None for no limit."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE runs SET pace = ? WHERE id = ?", (pace, run))
            commands.add(connection, run, "pace", pace)

    def ask(self, run: int, name: CommandName, value: float | None = None) -> None:
        """Send a command to a run that is training or queued.

        Raises:
            CommandError: there is no such run, it is over, or it cannot do this.
        """
        row = self._known(run)
        if row.over:
            raise CommandError(f"Run {run} is over ({row.status}) and cannot be changed.")
        if reason := row.disobeys(name):
            raise CommandError(reason)
        if value is not None and name in TAKE_NO_VALUE:
            raise CommandError(f"{name} takes no value, and {value:g} was given: leave it out.")
        if name == "stop":
            self.stop(run)
            return
        with self._database.transaction() as connection:
            if name in commands.BY_HAND:
                epochs = row.epochs + commands.epochs_asked(connection, run)
                if reason := refusal(cast(ByHand, name), value, epochs, row.recipe):
                    raise CommandError(reason)
            if name in ("pause", "unpause", "step"):
                connection.execute(
                    "UPDATE runs SET paused = ? WHERE id = ?", (name == "pause", run)
                )
            commands.add(connection, run, name, value)

    def set_paused(self, run: int, paused: bool) -> None:
        """Record that a run paused or continued by itself."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE runs SET paused = ? WHERE id = ?", (paused, run))

    def commands(self, run: int, after: int = 0) -> list[Command]:
        """The commands to the run after that command id, in order."""
        return commands.after(self._database.connection, run, after)

    def pending(self, run: Run) -> list[Command]:
        """What a paused run was asked to change and has not yet; it can be undone."""
        asked = self.commands(run.id, run.asked) if run.paused else []
        return [command for command in asked if command.name in commands.BY_HAND]

    def undo(self, run: int) -> None:
        """Take back the last change by hand that a paused run has not made yet.

        Raises:
            CommandError: there is none.
        """
        with self._database.transaction() as connection:
            if not commands.undo(connection, run):
                raise CommandError(f"Run {run} has no change that could be undone.")

    def interventions(self, run: int, after: int = 0) -> list[RecordedIntervention]:
        """The run's interventions after that intervention id, in order: the record that a
        `trainer.engine.control.Control` can repeat.
        """
        found = self._database.connection.execute(
            f"SELECT {', '.join(INTERVENTION_COLUMNS)} FROM interventions "
            "WHERE run = ? AND id > ? ORDER BY id",
            (run, after),
        )
        return [rows.intervention(run, row) for row in found]

    def _known(self, run: int) -> Run:
        row = self.run(run)
        if row is None:
            raise CommandError(f"There is no run {run}.")
        return row


def existing(home: Path) -> Store:
    """The store of a home that is there.

    Raises:
        StoreError: it is not, or cannot be used.
    """
    if not path_in(home).exists():
        raise StoreError(
            f"There is no LRScope home at {home}: name another folder with --home (home= in "
            "Python), or train a run first."
        )
    return Store(home)
