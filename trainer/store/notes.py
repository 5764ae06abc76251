"""What people note of the runs in a store, and which of them they delete. torch-free."""

import json
import time
from collections.abc import Collection, Sequence

from ..config.text import plain
from . import deletion
from .database import Database
from .faults import CommandError

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
        undo = "UPDATE runs SET deleted = NULL WHERE deleted IS NOT NULL AND id = ?"
        with self._database.transaction() as connection:
            return [run for run in runs if connection.execute(undo, (run,)).rowcount]

    def purge(self) -> list[int]:
        """Remove for good what was deleted a minute ago or earlier; returns those runs, whose
        snapshots can go.
        """
        before = time.time() - deletion.UNDO_SECONDS
        due = self._database.connection.execute("SELECT 1 FROM runs WHERE deleted < ?", (before,))
        if due.fetchone() is None:
            return []  # called often, so avoid the write lock
        with self._database.transaction() as connection:
            return deletion.purge(connection, before)
