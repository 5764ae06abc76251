"""What people note of the runs in a store, and which of them they delete. torch-free."""

import json
import time
from collections.abc import Collection, Sequence

from ..config.text import plain
from . import deletion
from .database import Database
from .faults import CommandError

UNDELETED = f"UPDATE sweeps SET asked = NULL WHERE id = ? AND {deletion.SWEEP_DELETED}"
NAME_LENGTH = 80
TAG_LENGTH, MOST_TAGS, NOTE_LENGTH = 40, 20, 2000


class Notes:
    """The part of a store that people write by themselves: nothing here concerns a training."""

    _database: Database

    def rename(self, run: int, name: str | None) -> None:
        """Name a run, on one line of at most 80 characters; None or blanks take its name away.

        Raises:
            CommandError: there is no such run.
        """
        self._note(run, "name", plain(" ".join((name or "").split()), NAME_LENGTH) or None)

    def star(self, run: int, starred: bool) -> None:
        """Star a run, or take its star away.

        Raises:
            CommandError: there is no such run.
        """
        self._note(run, "starred", starred)

    def tag(self, run: int, tags: Sequence[str]) -> None:
        """Give a run these tags, at most 20 of at most 40 characters, and no others.

        Raises:
            CommandError: there is no such run.
        """
        cleaned = (plain(" ".join(tag.split()), TAG_LENGTH) for tag in tags)
        kept = list(dict.fromkeys(tag for tag in cleaned if tag))[:MOST_TAGS]
        self._note(run, "tags", json.dumps(kept))

    def annotate(self, run: int, note: str | None) -> None:
        """Write a note on a run, of at most 2,000 characters; None or blanks take it away.

        Raises:
            CommandError: there is no such run.
        """
        self._note(run, "note", (note or "").strip()[:NOTE_LENGTH] or None)

    def archive(self, run: int, archived: bool) -> None:
        """Leave a run out of lists, or list it again. It can be displayed as before.

        Raises:
            CommandError: there is no such run.
        """
        self._note(run, "archived", archived)

    def _note(self, run: int, column: str, value: object) -> None:
        with self._database.transaction() as connection:
            done = connection.execute(
                f"UPDATE runs SET {column} = ? WHERE id = ? AND deleted IS NULL", (value, run)
            )
        if not done.rowcount:
            raise CommandError(f"There is no run {run}.")

    # Deletion

    def delete(self, runs: Collection[int]) -> None:
        """Delete these runs together. For a minute `restore` brings them back.

        Raises:
            CommandError: one of them does not exist, is training or queued, or has a fork that is
                not deleted with it; nothing is deleted then.
        """
        with self._database.transaction() as connection:
            if reason := deletion.refusal(connection, runs):
                raise CommandError(reason)
            connection.executemany(
                "UPDATE runs SET deleted = ? WHERE id = ?", [(time.time(), run) for run in runs]
            )

    def restore(self, runs: Collection[int]) -> list[int]:
        """Undo the deletion of those of these runs that were not purged yet; returns them."""
        undo = "UPDATE runs SET deleted = NULL WHERE deleted IS NOT NULL AND id = ? RETURNING sweep"
        with self._database.transaction() as connection:
            found = {run: connection.execute(undo, (run,)).fetchone() for run in runs}
            sweeps = {row[0] for row in found.values() if row and row[0] is not None}
            for sweep in sweeps:  # a cell comes back with its sweep
                connection.execute(UNDELETED, (sweep,))
            return [run for run, row in found.items() if row]

    def purge(self) -> list[int]:
        """Remove for good what was deleted a minute ago or earlier; returns those runs, whose
        snapshots can go.
        """
        before = time.time() - deletion.UNDO_SECONDS
        due = self._database.connection.execute(
            "SELECT 1 FROM runs WHERE deleted < :before UNION ALL "
            f"SELECT 1 FROM sweeps WHERE {deletion.SWEEP_DELETED} AND ended < :before",
            {"before": before},
        )
        if due.fetchone() is None:
            return []  # called often, so avoid the write lock
        with self._database.transaction() as connection:
            return deletion.purge(connection, before)

    # Sweeps, with all their cells

    def delete_sweep(self, sweep: int) -> None:
        """Delete a sweep and its cells. For a minute `restore_sweep` brings them back.

        Raises:
            CommandError: there is no such sweep, it has not ended, or a cell of it has a fork that
                is no cell of it; nothing is deleted then.
        """
        with self._database.transaction() as connection:
            if self._state(sweep) in ("queued", "training"):
                raise CommandError(f"Sweep {sweep} has not ended: stop it before you delete it.")
            cells = self._cells(sweep)
            if cells and (reason := deletion.refusal(connection, cells)):
                raise CommandError(reason)
            now = time.time()
            connection.execute(
                "UPDATE runs SET deleted = ? WHERE sweep = ? AND deleted IS NULL", (now, sweep)
            )
            connection.execute(
                "UPDATE sweeps SET asked = 'delete', ended = ? WHERE id = ?", (now, sweep)
            )

    def restore_sweep(self, sweep: int) -> None:
        """Undo the deletion of a sweep and of the cells that were deleted with it.

        Raises:
            CommandError: it was not deleted, or it is gone.
        """
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE runs SET deleted = NULL WHERE sweep = :sweep AND deleted = "
                f"(SELECT ended FROM sweeps WHERE id = :sweep AND {deletion.SWEEP_DELETED})",
                {"sweep": sweep},
            )
            if not connection.execute(UNDELETED, (sweep,)).rowcount:
                raise CommandError(
                    f"Sweep {sweep} was not deleted, or more than a minute ago and is gone."
                )

    def deleted_sweeps(self) -> dict[int, float]:
        """The sweeps that can be brought back, each with the seconds left."""
        now = time.time()
        found = self._database.connection.execute(
            f"SELECT id, ended FROM sweeps WHERE {deletion.SWEEP_DELETED} AND ended > ?",
            (now - deletion.UNDO_SECONDS,),
        )
        return {sweep: at + deletion.UNDO_SECONDS - now for sweep, at in found}

    def archive_sweep(self, sweep: int, archived: bool) -> None:
        """Leave a sweep and its cells out of lists, or list them again.

        Raises:
            CommandError: there is no such sweep, or it has no cells.
        """
        with self._database.transaction() as connection:
            self._state(sweep)
            if not self._cells(sweep):
                raise CommandError(f"Sweep {sweep} has no runs to archive.")
            connection.execute(
                "UPDATE runs SET archived = ? WHERE sweep = ? AND deleted IS NULL",
                (archived, sweep),
            )

    def is_archived(self, sweep: int) -> bool:
        """Whether all cells of a sweep are archived."""
        cells = self._cells(sweep, "AND NOT archived")
        return not cells and bool(self._cells(sweep))

    def _cells(self, sweep: int, those: str = "") -> list[int]:
        found = self._database.connection.execute(
            f"SELECT id FROM runs WHERE sweep = ? AND deleted IS NULL {those}", (sweep,)
        )
        return [run for (run,) in found]

    def _state(self, sweep: int) -> str:
        """The status of a sweep.

        Raises:
            CommandError: there is no such sweep.
        """
        found = self._database.connection.execute(
            f"SELECT status FROM sweeps WHERE id = ? AND NOT {deletion.SWEEP_DELETED}", (sweep,)
        ).fetchone()
        if found is None:
            raise CommandError(f"There is no sweep {sweep}.")
        return str(found[0])
