"""Follows a curve that another program is writing, as a run that is live."""

import threading
import time
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ..config.recipe import Recipe
from ..config.table import ConfigError, check_steps, to_recipe
from ..engine.events import Ended, EpochEnded, Event, Failed, Warned
from ..schedule.epoch import Epoch
from ..schedule.torch_changed import TorchChangedError
from ..store.run import RESUMABLE, Run
from ..store.store import Store
from ..store.waiting import patiently
from .columns import CurveError, cut, is_accuracy
from .csv import MOST, finite, too_many
from .growing import News, growing
from .importing import Deciding, assumed, renumbered, what_it_is
from .table import Row
from .tail import VanishedError

POLL_SECONDS = 0.1
QUIET_SECONDS = 1.0  # after which an epoch is taken as it is
GONE_SECONDS = 10.0  # Lightning deletes an old file long before it writes the new one
MOST_RUNS = 200  # the newest, among which the one to go on with is sought
# The number of epochs is not known: it is planned for the next of these.
PLANNED = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, MOST)

End = Literal["finished", "stopped", "interrupted"]
Looked = Generator[Event, None, None]
UntilDone = Callable[[Callable[[], Any]], Generator[Event, None, Any]]


def _at_once(action: Callable[[], Any]) -> Generator[Event, None, Any]:
    return action()
    yield


class Following:
    """A run that follows a curve while it grows. A run of the same file that has ended early goes
    on, if what it has recorded is still what the file begins with.

    Args:
        path: a CSV file, an event file or a folder of event files.
        values: the schedule, its parameters, lr and monitor by key; defaults for the rest.
        tag: the column or tag to use as the curve, if the names do not identify it.
        lr: the learning rate, if the file has none.

    Attributes:
        run: the run's id; another one where the file was begun anew.
        goes_on: whether that run had epochs before.

    Raises:
        CurveError: there is no such file, or something in it is wrong.
        ConfigError: a value is out of bounds.
    """

    def __init__(
        self,
        store: Store,
        path: Path,
        values: dict[str, Any],
        tag: str | None = None,
        lr: float | str | None = None,
    ) -> None:
        self._store = store
        self._values = values
        self._lr = {} if lr is None else {"lr": lr}
        self._source = growing(path, tag)
        self.name = self._source.name
        self._news: News | None = self._source.look()
        self._begin()
        self.goes_on = False
        if not self._go_on():
            self._add()

    @property
    def why(self) -> str | None:
        """Why there is no curve yet, in a sentence; None if there is one."""
        return self._source.why

    def _begin(self) -> None:
        """Begin a curve: nothing of it is taken."""
        self._taken: list[Row] = []
        self._is_open = False  # whether more may come to the last of them
        self._percent: set[str] = set()
        self._deciding: Deciding | None = None
        self._told: str | None = None
        self._is_over = False
        self._grew = self._looked = time.monotonic()
        news = self._news
        rows = [*news.rows, *([news.current] if news.current else [])] if news else []
        self._note_percent(rows)
        self._recipe = self._assumed(rows[0] if rows else None)

    def _add(self) -> None:
        self.run = self._store.add_live(
            self._recipe, "imported", self.name, None, controls=("stop",)
        )
        self._revised = self._recipe

    def _assumed(self, row: Row | None) -> Recipe:
        """The assumed recipe, as far as it is known before the curve or with its first epoch."""
        planned = {"epochs": PLANNED[0]}
        if row is None:
            return to_recipe({**planned, **self._lr, **self._values})
        lr = row.values.get(self._source.roles.get("lr", ""))
        self._is_recorded = lr is not None
        values = self._values if self._is_recorded else {**self._lr, **self._values}
        lrs = [] if lr is None else [lr]
        metrics = [*self._source.metrics.values()]
        recipe = assumed(self.name, metrics, PLANNED[0], lrs, {**planned, **values})
        name = recipe.schedule.name
        if recipe.schedule.traits.fixed_length and not self._is_recorded:
            raise ConfigError(
                {
                    ("schedule", None): f"{name} needs the number of epochs, which is not known "
                    f"while {self.name} grows: take another schedule, or import it at its end."
                }
            )
        return recipe

    def _go_on(self) -> bool:
        """Go on with the run of this file that has ended early; returns whether there is one."""
        news = self._news
        assert news is not None
        rows = [*news.rows, *([news.current] if news.current else [])]
        monitor = self._recipe.monitor
        there = [self._metrics(row).get(monitor) for row in rows]
        for run in self._store.runs(MOST_RUNS):
            if not isinstance(run, Run) or run.source != "imported" or run.origin != self.name:
                continue
            if run.status not in RESUMABLE:
                continue
            recorded = [row.metrics.get(monitor) for row in self._store.epochs(run.id)]
            same = self._recipe.model_copy(update={"epochs": run.recipe.epochs}) == run.recipe
            if recorded and not (same and recorded == there[: len(recorded)]):
                continue
            if self._store.take_up(run.id):
                self.run, self.goes_on, self._revised = run.id, bool(recorded), run.recipe
                self._revise(len(recorded))
                return True
        return False

    def events(
        self,
        stop: threading.Event,
        shutdown: threading.Event,
        until_quiet: float | None = None,
    ) -> Looked:
        """Record what comes, and yield it. While the store cannot be used, yields Waiting.

        Args:
            stop: set it to end the run as stopped; the command to stop does the same.
            shutdown: set it to end it as interrupted, so that it can go on.
            until_quiet: end it as finished when nothing came for so many seconds; None for never.

        Raises:
            StoreError: something could not be recorded before the shutdown.
            StoreFaultError: the store is damaged.
        """
        until_done = partial(patiently, run=self.run, shutdown=shutdown, stop=stop)
        while True:
            end: End | None = None
            if shutdown.is_set():
                end = "interrupted"
            elif stop.is_set() or (yield from until_done(self._is_asked_to_stop)):
                end = "stopped"
            elif until_quiet is not None and time.monotonic() - self._grew >= until_quiet:
                end = "finished"
            yield from self.look(end, until_done)
            if self._is_over:
                return
            stop.wait(POLL_SECONDS)

    def look(self, end: End | None = None, until_done: UntilDone = _at_once) -> Looked:
        """Look once at what is new: record it, and yield it.

        Args:
            end: end the run with that.
            until_done: does something with the store, and waits until that can be done.
        """
        try:
            yield from self._look(end, until_done)
        except (CurveError, ConfigError, TorchChangedError) as error:
            yield from self._ended(Failed(str(error)), until_done)

    def _look(self, end: End | None, until_done: UntilDone) -> Looked:
        now = time.monotonic()
        try:
            news = self._news or self._source.look(at_end=end == "finished")
            self._news, self._looked = None, now
        except VanishedError:
            if end is None and now - self._looked < GONE_SECONDS:
                return
            raise
        self._grew = now if news.grew else self._grew
        is_quiet = self._source.eager and now - self._grew >= QUIET_SECONDS
        found = self._take(news, whole=is_quiet or end is not None)
        if found is None:
            yield from self._ended(Ended("finished"), until_done)
            self._source.rewind()
            self._begin()
            yield from until_done(self._add)
            return
        if found:
            yield from until_done(lambda: self._revise(len(self._taken)))
        yield from self._recorded([*found, *self._about(over=end == "finished")], until_done)
        if end == "finished" and not self._taken:
            raise CurveError(self.why or f"{self.name} has no curve.")
        if end:
            yield from self._ended(Ended(end), until_done)

    def _recorded(self, events: list[Event], until_done: UntilDone) -> Looked:
        if events:
            yield from until_done(lambda: self._store.record_all(self.run, events))
            yield from events

    def _ended(self, event: Ended | Failed, until_done: UntilDone) -> Looked:
        self._is_over = True
        yield from until_done(lambda: self._revise(len(self._taken), over=True))
        yield from self._recorded([event], until_done)

    def _is_asked_to_stop(self) -> bool:
        run = self._store.run(self.run)
        return run is None or run.stopping  # None: it was deleted

    def _revise(self, epochs: int, over: bool = False) -> None:
        """Plan for more than so many epochs or, if the run is over, for these."""
        recipe = self._recipe
        least = max(epochs, recipe.warmup + 1)
        planned = least if over else next((n for n in PLANNED if n > least), MOST)
        check_steps(recipe, planned - recipe.warmup, 1)
        revised = recipe.model_copy(update={"epochs": planned})
        if revised != self._revised:
            self._store.revise(self.run, revised)
            self._revised = revised

    # Take what is new

    def _take(self, news: News, whole: bool) -> list[Event] | None:
        """The epochs that are new or changed; None if the file has another curve now.

        Args:
            whole: the last epoch is to be taken as it is.
        """
        current, ended = news.current, len(news.rows)
        rows = [*news.rows, *([current] if current and (whole or self._is_whole(current)) else [])]
        if self._note_percent(rows) and self._taken:  # percent: what was taken is a hundredth
            self._source.rewind()
            self._taken, self._deciding = [], None
            return []
        found: list[Event] = []
        for place, row in enumerate(rows, news.first):
            is_open = place == news.first + ended
            if place < len(self._taken):
                kept = self._taken[place]
                is_last = place == len(self._taken) - 1
                if is_last and self._is_open and row.epoch == kept.epoch:
                    self._is_open = is_open
                    if self._metrics(row) == self._metrics(kept):
                        continue
                    assert self._deciding is not None
                    self._deciding.take_back()
                    self._taken.pop()
                elif is_open or self._is_same(row, kept):
                    continue
                else:
                    return None
            found += self._end_epoch(row, is_open)
        return found

    def _is_whole(self, row: Row) -> bool:
        """Whether nothing more is to come to an epoch: it has what the one before it had."""
        if not self._source.eager:
            return False
        last = self._taken[-2:-1] if self._is_open else self._taken[-1:]
        expected = last[0].values.keys() if last else {*self._source.metrics}
        return row.values.keys() >= expected

    def _is_same(self, row: Row, kept: Row) -> bool:
        curve = next(iter(self._source.roles.values()))
        ours, theirs = (finite(each.values.get(curve)) for each in (row, kept))
        return row.epoch == kept.epoch and ours == theirs

    def _end_epoch(self, row: Row, is_open: bool) -> list[Event]:
        if len(self._taken) == MOST:
            raise too_many(self.name, f"epoch {row.epoch}", next(iter(self._source.metrics)))
        if self._deciding is None:
            self._source.settle()
            self._recipe = self._assumed(row)
            self._deciding, self._held = Deciding(self._recipe), self._recipe.lr
        lr = None
        if self._is_recorded:  # an LR holds until another is recorded
            lr = self._held = row.values.get(self._source.roles.get("lr", ""), self._held)
        self._taken.append(row)
        self._is_open = is_open
        ended = self._deciding.end_epoch(self._metrics(row), lr, for_now=is_open)
        return [_event(epoch) for epoch in ended]

    def _metrics(self, row: Row) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        for column, metric in self._source.metrics.items():
            if column in row.values:
                value = finite(row.values[column])
                is_percent = column in self._percent and value is not None
                found[metric] = value / 100 if is_percent and value is not None else value
        return found

    def _note_percent(self, rows: list[Row]) -> bool:
        """Note which accuracies turn out to be in percent; returns whether any does."""
        found = {
            column
            for column in self._source.metrics
            if is_accuracy(column) and any((row.values.get(column) or 0.0) > 1 for row in rows)
        }
        new = found - self._percent
        self._percent |= new
        return bool(new)

    def _about(self, over: bool) -> list[Event]:
        """What the user should know of the curve, or why there is none yet, if that is new."""
        if self._taken:
            first, last = self._taken[0].epoch, self._taken[-1].epoch
            numbered = renumbered(self.name, first, last, len(self._taken), growing=not over)
            column, metric = next(iter(self._source.metrics.items()))
            chosen = f"{self._source.named} {cut(column)}" if self._source.named else ""
            told = " ".join(filter(None, (chosen and what_it_is(metric, chosen), numbered))) or None
        else:
            told = self._source.why
        if told == self._told:
            return []
        self._told = told
        return [Warned(told)]


def _event(row: Epoch) -> EpochEnded:
    assert row.decision is not None
    return EpochEnded(row.epoch, row.lr, row.lr_last, row.metrics, row.seconds, row.decision)
