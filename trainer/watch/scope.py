"""Two lines that put any training on the scope: `watch` and what it returns."""

import atexit
import operator
import os
import sys
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .observed import forget_all
from .ranks import place
from .spool import Spool, SpoolGoneError, home_of
from .training import Training


class WatchWarning(UserWarning):
    """LRScope could not do something; the training goes on as it would without it."""


class NothingToWatchError(Exception):
    """There is no optimizer whose learning rate could be watched."""


def watch(
    name: str,
    scheduler: Any = None,
    optimizer: Any = None,
    *,
    epochs: int | None = None,
    batches: int | None = None,
    monitor: str | None = None,
    control: bool = False,
    home: str | os.PathLike[str] | None = None,
) -> "Scope":
    """Put a training loop of your own on LRScope's page, live, with every move of its learning
    rate explained.

        from lrscope import watch

        with watch("my resnet", scheduler=scheduler) as scope:
            for epoch in scope.epochs(50):
                for x, y in loader:
                    ...
                    optimizer.step()
                    scope.batch(loss)                     # if you like: the loss within an epoch
                scheduler.step(val_loss)
                scope.epoch(train_loss=train_loss, val_loss=val_loss)

    Then `lrscope` in a terminal opens the page, now or later. The training opens no port and needs
    no page: it writes one file under LRScope's folder, which the page takes in.

    It never hurts the training. Nothing raises: where something cannot be done, such as on a full
    disk, one WatchWarning says so. Forked workers, and processes that train together other than the
    first, record nothing.

    Args:
        name: what the run is called.
        scheduler: any of torch's, alone or in a SequentialLR or ChainedScheduler; it may be of your
            own, with a method `step`. None if there is none.
        optimizer: whose learning rates are recorded; the scheduler's if not given.
        epochs: how many there will be, if the loop is not over `scope.epochs`.
        batches: how many an epoch has, if you know.
        monitor: the name of the metric that the scheduler steps with, if it cannot be told by its
            value.
        control: whether the page may pause the training, change its learning rate and add epochs.
            Stop needs no permission: it ends the loop over `scope.epochs`.
        home: LRScope's folder; $LRSCOPE_HOME, or the one that `lrscope` uses, if not given.

    Returns:
        A Scope, for `with` or with its `close`.
    """
    return Scope._watching(
        name, scheduler, optimizer, home, epochs=epochs, batches=batches, monitor=monitor,
        wants=bool(control),
    )  # fmt: skip


class Scope:
    """A training that is watched; `watch` makes one. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._training: Training | None = None  # None while nothing is recorded
        self._trouble = _Trouble()

    @classmethod
    def _watching(
        cls,
        name: str,
        scheduler: Any,
        optimizer: Any,
        home: str | os.PathLike[str] | None,
        **settings: Any,
    ) -> "Scope":
        scope = cls()
        try:
            rank, processes = place()
            if rank == 0:
                scope._training = _started(
                    home_of(home), str(name), scheduler, optimizer,
                    others=processes - 1, failed=scope._trouble.say, **settings,
                )  # fmt: skip
                _scopes.add(scope)
        except Exception as error:
            scope._trouble.say(error)
        return scope

    def epochs(self, count: int, *, start: int = 0) -> "Epochs":
        """`range(start, count)` for your loop over the epochs. Stop in the page ends it after the
        epoch under way; with `control=True` it goes on for as many epochs as are added in the page.

        Args:
            count: the number of all epochs.
            start: how many were trained before, in a training that resumes.
        """
        count, start = operator.index(count), operator.index(start)
        self._do(Training.plan, count, start)
        return Epochs(self, count, start)

    def batch(self, loss: Any = None) -> None:
        """Call it once a batch, after the optimizer's step. It looks at the clock and returns, but
        for a few times a second.

        Args:
            loss: the batch's, as a number or a tensor, on any device.
        """
        training = self._training
        if training is not None:
            training.batch += 1
            if time.monotonic() >= (training.due if loss is None else training.loss_due):
                self._do(Training.look, loss)

    def epoch(self, **metrics: Any) -> None:
        """Call it once an epoch, before or after the scheduler's step.

        Args:
            metrics: any numbers by name, also as tensors of one element; None where there is none.
        """
        self._do(Training.epoch, metrics)

    def log(self, **metrics: Any) -> None:
        """More numbers by name, for the epoch whose `epoch` comes next."""
        self._do(Training.log, metrics)

    @property
    def stopping(self) -> bool:
        """Whether Stop was pressed in the page: for a loop that is not over `epochs`."""
        self._do(_stopping_is_read)
        return self._is_stopping

    def close(self, status: str = "finished", reason: str | None = None) -> None:
        """The training is over; `with` does this by itself.

        Args:
            status: finished, stopped or failed.
            reason: why, in a sentence.
        """
        if status == "finished" and self._is_stopping:
            status = "stopped"
        self._do(Training.end, status, reason)
        self._leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(*_end_of(error))

    def __del__(self) -> None:
        if getattr(self, "_training", None) is not None:
            self._end_unclosed("The training let go of its scope.")

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()  # a copy of a training's objects is not the training

    @property
    def _is_stopping(self) -> bool:
        return self._training is not None and self._training.obeying.stopping

    @property
    def _added(self) -> int:
        return 0 if self._training is None else self._training.obeying.added

    def _do(self, action: Callable[..., None], *arguments: Any) -> None:
        """Do it, if anything is recorded; no error comes out of it."""
        training = self._training
        if training is None:
            return
        try:
            with training.lock:
                action(training, *arguments)
        except Exception as error:
            self._trouble.say(error)
        if training.is_lost:
            self._leave()

    def _leave(self) -> None:
        training, self._training = self._training, None
        _scopes.discard(self)
        try:
            if training is not None:
                training.leave()
        except Exception as error:
            self._trouble.say(error)

    def _end_unclosed(self, reason: str) -> None:
        training = self._training
        if training is None:
            return
        error = None if hasattr(sys, "ps1") else getattr(sys, "last_value", None)
        if error is not None:  # the one that ends the program
            self.close(*_end_of(error))
        elif training.is_complete():
            self.close()
        else:
            self.close("stopped", reason)


class Epochs:
    """The numbers of a loop's epochs, from 0, while nobody asks for Stop."""

    def __init__(self, scope: Scope, count: int, start: int) -> None:
        self._scope, self._count, self._start = scope, count, start

    def __len__(self) -> int:
        return max(self._count - self._start, 0)

    def __iter__(self) -> Iterator[int]:
        scope, epoch, end = self._scope, self._start, self._count
        before = added = scope._added
        scope._do(Training.settle)
        try:
            while epoch < end + added - before and not scope._is_stopping:
                yield epoch
                epoch += 1
                scope._do(Training.settle)
                added = max(added, scope._added)
        finally:  # also after a break
            scope._do(Training.unplan)


class _Trouble:
    """Says that something cannot be done, and does not say it again."""

    def __init__(self) -> None:
        self._said: set[bool] = set()

    def say(self, what: Exception | str) -> None:
        """Warn, the first time of an error, and the first time of anything else."""
        is_error = isinstance(what, Exception)
        if is_error in self._said:
            return
        self._said.add(is_error)
        if isinstance(what, SpoolGoneError):
            what = "its record was deleted, so that no more is recorded"
        elif isinstance(what, OSError):
            where = f" ({what.filename})" if what.filename else ""
            what = f"it cannot write its record: {what.strerror or what}{where}"
        elif isinstance(what, Exception) and not isinstance(what, NothingToWatchError):
            what = f"{type(what).__name__}: {what}"
        sentence = f"LRScope: {what}. The training goes on; nothing more is said about it."
        try:
            warnings.warn(sentence, WatchWarning, stacklevel=_depth())
        except Exception:  # where warnings are errors
            with suppress(Exception):
                print(sentence, file=sys.stderr)


def _depth() -> int:
    """How far up the user's own code is, for `warnings.warn` in the caller."""
    here, frame, depth = Path(__file__).parent, sys._getframe(1), 1
    while frame.f_back is not None and Path(frame.f_code.co_filename).parent == here:
        frame, depth = frame.f_back, depth + 1
    return depth


def _started(home: Path, name: str, scheduler: Any, optimizer: Any, **settings: Any) -> Training:
    if optimizer is None:
        optimizer = getattr(scheduler, "optimizer", None)
    if not getattr(optimizer, "param_groups", None):
        raise NothingToWatchError(
            "nothing of this training is recorded: give watch() its scheduler, or optimizer="
        )
    spool = Spool(home)
    try:
        return Training(spool, scheduler, optimizer, name=name, **settings)
    except BaseException:
        spool.remove()
        raise


def _stopping_is_read(training: Training) -> None:
    if not training.obeying.reads_stopping:
        training.obeying.reads_stopping = True
        training.obeying.announce()
    training.obey()


def _end_of(error: BaseException | None) -> tuple[str, str | None]:
    """The status and the reason of a training that ended with that error."""
    if error is None:
        return "finished", None
    if isinstance(error, Exception):
        return "failed", f"{type(error).__name__}: {error}"
    if isinstance(error, KeyboardInterrupt):
        return "stopped", "It was interrupted from the keyboard."
    return "stopped", "The program ended."


_scopes: "weakref.WeakSet[Scope]" = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    for scope in list(_scopes):
        scope._end_unclosed("The program ended.")


def _forget_all() -> None:
    """In a forked child: nothing here is watched."""
    forget_all()
    for scope in list(_scopes):
        training, scope._training = scope._training, None
        if training is not None:
            training.abandon()
    _scopes.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
