"""The runs that train elsewhere now: watched ones, and files that are followed. torch-free."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Literal

from ..config.recipe import Recipe
from ..engine.events import Event
from . import queue, recording
from .database import Database
from .owners import Owner
from .recording import Happened
from .run import RESUMABLE, CommandName, Elsewhere, Known


class Live:
    """The part of a store that records what another program trains."""

    _database: Database
    _owner: Owner

    def add_live(
        self,
        recipe: Recipe,
        source: Literal["watched", "imported"],
        origin: str | None,
        name: str | None,
        *,
        began: float | None = None,
        controls: Sequence[CommandName] = (),
        elsewhere: Elsewhere | None = None,
        spool: str | None = None,
    ) -> int:
        """Store a run that trains elsewhere now; returns the run id. An imported one is this
        process's: it is interrupted when the process ends. A watched one is its training's.

        Args:
            recipe: what is known of its recipe; `revise` replaces it.
            origin: the file that it comes from.
            name: what it is called; None if nobody has named it.
            began: when it began, in seconds since 1970; now if None.
            controls: the commands that it obeys.
            elsewhere: what else is known of it.
            spool: the spool that it is taken in from, which is noted in the same transaction.
        """
        began = time.time() if began is None else began
        columns: dict[str, object] = {
            "status": "training",
            "origin": origin,
            "name": name,
            "owner": self._owner.id if source == "imported" else None,
            "began": began,
            "ended": began,
            "controls": json.dumps(list(controls)),
            "elsewhere": None if elsewhere is None else json.dumps(asdict(elsewhere)),
        }
        with self._database.transaction() as connection:
            run = queue.insert(connection, recipe, source, columns)
            if spool is not None:
                connection.execute("INSERT INTO spools VALUES (?, ?, 0)", (spool, run))
        return run

    def take_up(self, run: int) -> bool:
        """Let an imported run that has ended early go on as this process's; returns whether it
        could, which another process may have done before.
        """
        with self._database.transaction() as connection:
            taken = connection.execute(
                "UPDATE runs SET status = 'training', owner = ?, reason = NULL, paused = 0, "
                "asked = (SELECT coalesce(max(id), 0) FROM commands WHERE run = runs.id) "
                "WHERE id = ? AND source = 'imported' AND deleted IS NULL "
                f"AND status IN ({', '.join('?' * len(RESUMABLE))}) RETURNING id",
                (self._owner.id, run, *RESUMABLE),
            )
            return taken.fetchone() is not None

    def record_all(self, run: int, events: Iterable[Event]) -> None:
        """Write several events of a run, in one transaction."""
        now = time.time()
        with self._database.transaction() as connection:
            for event in events:
                recording.write(connection, run, Happened(now, event))

    def revise(self, run: int, recipe: Recipe) -> None:
        """Replace what is known of the recipe of a run that trains elsewhere."""
        with self._database.transaction() as connection:
            queue.revise(connection, run, recipe)

    def interrupt(self, run: int, reason: str) -> None:
        """Mark a run that trains elsewhere as interrupted, if it has not ended."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE runs SET status = 'interrupted', paused = 0, reason = ? "
                "WHERE id = ? AND status = 'training'",
                (reason, run),
            )

    # Spools

    def take_in(
        self,
        run: int,
        news: Iterable[Happened | Known],
        spool: str,
        offset: int,
    ) -> None:
        """Write what a spool says of a run, in one transaction with the byte up to which it was
        taken in, so that each line counts once.
        """
        with self._database.transaction() as connection:
            for each in news:
                if isinstance(each, Happened):
                    recording.write(connection, run, each)
                else:
                    queue.revise(connection, run, each.recipe)
                    connection.execute(
                        "UPDATE runs SET elsewhere = ?, controls = ? WHERE id = ?",
                        (json.dumps(asdict(each.elsewhere)), json.dumps(each.controls), run),
                    )
            connection.execute("UPDATE spools SET offset = ? WHERE id = ?", (offset, spool))

    def spools(self) -> dict[str, tuple[int, int]]:
        """Each spool's run, and the byte up to which it was taken in, by the spool's id."""
        found = self._database.connection.execute("SELECT id, run, offset FROM spools")
        return {spool: (run, offset) for spool, run, offset in found}

    def forget_spool(self, spool: str) -> None:
        """Forget a spool whose file is gone."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM spools WHERE id = ?", (spool,))
