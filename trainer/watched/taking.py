"""One spool, taken in: its lines become the epochs of its run, and its run's commands reach it.

torch-free, but for the epochs of a training whose scheduler is known.
"""

import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from ..config.recipe import Recipe
from ..config.text import plain
from ..engine.events import Failed
from ..store.owners import is_held
from ..store.recording import Happened
from ..store.rows import UnreadableError
from ..store.store import Store
from . import lines
from .commands import pass_on
from .lines import Start
from .spool import SpoolFile
from .training import News, Training

DIED = "The training ended without saying so: it was killed, or its machine stopped."
SILENT_SECONDS = 900.0  # after which a training that nothing else tells of has ended
ONE_TIME = 2000  # lines that are written in one transaction

log = logging.getLogger(__name__)


class Taking:
    """A watched training's spool, on its way into the store.

    Args:
        store: where its run is.
        path: the spool.
        known: its run, and the byte up to which it was taken in; None for a new one.

    Attributes:
        run: its run; None before its first line.
        is_over: whether its run has ended and nothing more is to come.
    """

    def __init__(self, store: Store, path: Path, known: tuple[int, int] | None) -> None:
        self.id = path.stem
        self.run: int | None
        self.run, self._from = known or (None, 0)
        self.is_over = False
        self._store = store
        self._file = SpoolFile(path)
        self._training: Training | None = None
        self._line = 0
        self._asked = -1  # the last command that was passed on
        if self.run is not None:
            self._go_on(self.run)

    def _go_on(self, run: int) -> None:
        """Find out how its run stands; what was taken in of it stays as it is."""
        try:
            row = self._store.run(run)
            self.is_over = row is None or row.over
        except UnreadableError:
            self.is_over = True

    # Lines

    def has_news(self) -> bool:
        """Whether its file has more than was taken in.

        Raises:
            OSError: it cannot be looked at.
        """
        return not self.is_over and self._file.has_more()

    def take_in(self) -> bool:
        """Take in what is new; returns whether something was.

        Raises:
            OSError: the spool cannot be read.
            sqlite3.Error: nothing of it can be recorded now; it is tried again the next time.
        """
        before = self._file.offset, self._line, self._training, self.run
        found = self._file.lines()
        written = self._file.path.stat().st_mtime if found else 0.0
        try:
            for first in range(0, len(found), ONE_TIME):
                self._take(found[first : first + ONE_TIME], written)
        except BaseException:
            # From the start again: a part of it may be recorded, which the store knows.
            self._file.offset, self._line, self._training = 0, 0, None
            self.run, self._from = self._store.spools().get(self.id, (before[3], self._from))
            raise
        return bool(found)

    def _take(self, found: list[tuple[int, bytes]], written: float) -> None:
        news: list[News] = []
        for offset, text in found:
            self._line += 1
            is_new = offset > self._from
            said = list(self._said(text, written, is_new))
            if is_new:
                news += said
        offset = found[-1][0]
        if self.run is not None and offset > self._from:
            self._store.take_in(self.run, news, self.id, offset)
            self._from = offset
        if self._training is not None:
            self.is_over = self._training.over

    def _said(self, text: bytes, written: float, is_new: bool) -> Iterator[News]:
        """What a line says of the run."""
        try:
            line = lines.read(text)
        except ValueError as error:
            yield from self._cannot_be_read(f"{error}", written)
            return
        if self._training is None:
            if isinstance(line, Start) and line.spool <= lines.VERSION:
                yield from self._begin(line)
            elif isinstance(line, Start):
                self._refuse(
                    line,
                    f"It is watched by a newer LRScope (spool version {line.spool}, this one "
                    f"reads {lines.VERSION}): update this one.",
                )
            elif not self.is_over:
                self._refuse(None, f"Its spool {self.id}.jsonl does not begin with its start.")
        elif line is not None:
            yield from self._training.feed(line, written, is_new)

    def _cannot_be_read(self, why: str, written: float) -> Iterator[News]:
        if self._training is None:
            if not self.is_over:
                self._refuse(None, f"The start of its spool {self.id}.jsonl cannot be read: {why}.")
            return
        yield self._training.warn(
            f"Line {self._line} of its spool cannot be read ({why}) and is left out.", written
        )

    def _begin(self, start: Start) -> Iterator[News]:
        training = self._training = Training(start)
        if self.run is None:
            self.run = self._store.add_live(
                training.recipe,
                "watched",
                training.elsewhere.program or None,
                training.name,
                began=start.at,
                controls=training.known.controls,
                elsewhere=training.elsewhere,
                spool=self.id,
            )
        yield from training.first_words()

    def _refuse(self, start: Start | None, reason: str) -> None:
        """Record a run that failed, with a sentence: nothing else is known of it."""
        name = plain(start.name, 80) if start else None
        if self.run is None:
            self.run = self._store.add_live(Recipe(), "watched", None, name, spool=self.id)
        failed = Happened(time.time(), Failed(reason))
        self._store.take_in(self.run, [failed], self.id, 0)
        self.is_over = True

    # Commands

    def pass_on(self) -> None:
        """Pass on what is asked of its run.

        Raises:
            OSError: its file cannot be written.
        """
        if self.run is None or self.is_over:
            return
        row = self._store.run(self.run)
        if row is None or row.over:
            return
        asked = self._store.commands(self.run, max(self._asked, row.asked))
        if asked:
            pass_on(self._file.path.with_name(f"{self.id}.commands.jsonl"), asked)
            self._asked = asked[-1].id

    # Its end

    def has_died(self) -> bool:
        """Whether its training is gone, by its lock; by its process or its silence where it could
        not lock.
        """
        start = self._training.start if self._training else None
        if start is None or start.locked:
            lock = self._file.path.with_suffix(".lock")
            return not (lock.exists() and is_held(lock))  # one that is gone must not be made again
        if start.host == socket.gethostname():
            import psutil  # slow to load, and rarely needed

            return not psutil.pid_exists(start.pid)
        return time.time() - self._file.path.stat().st_mtime > SILENT_SECONDS

    def interrupt(self) -> None:
        """Mark its run as interrupted."""
        if self.run is not None:
            self._store.interrupt(self.run, DIED)
        self.is_over = True

    def remove(self) -> None:
        """Delete its files.

        Raises:
            OSError: one of them cannot be deleted.
        """
        path = self._file.path
        # The spool before its lock: a spool without a lock is one whose training has died.
        for name in (f"{self.id}.commands.jsonl", path.name, f"{self.id}.lock"):
            path.with_name(name).unlink(missing_ok=True)
        self._store.forget_spool(self.id)
