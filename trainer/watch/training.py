"""A watched training as it is written into its spool: its epochs, and what is asked of it."""

import os
import platform
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .obeying import Obeying
from .observed import Attributes, Observed, parts_of
from .plain import lr_of, number, plain_entries
from .spool import Spool, SpoolGoneError
from .trace import Trace

PROGRESS_EVERY = 0.25  # seconds
SPOOL_VERSION = 1
_LONGEST = 500  # characters of a reason


class Training:
    """What is known of a training between its start and its end.

    Args:
        wants: whether more than Stop may be asked of it.
        others: how many other processes train with it.
        failed: called with an error of LRScope's own, and with what is to be said to the user.

    Attributes:
        batch: the batches of the epoch under way that are done.
        due: when there is something to do at a batch, by the monotonic clock.
        loss_due: the same at a batch whose loss is known.
        done: the last epoch that has ended.
        is_lost: whether its spool is gone, so that nothing can be recorded any more.
        lock: to be held around every call.

    Raises:
        OSError: there can be no spool.
    """

    def __init__(
        self,
        spool: Spool,
        scheduler: Any,
        optimizer: Any,
        *,
        name: str,
        epochs: int | None,
        batches: int | None,
        monitor: str | None,
        wants: bool,
        others: int,
        failed: Callable[[Exception | str], None],
    ) -> None:
        self.batch = self.done = 0
        self.due = self.loss_due = 0.0
        self.is_lost = False
        self.lock = threading.RLock()
        self._spool = spool
        self._failed = failed
        self._observed = Observed(scheduler, optimizer, self._stepped, self._before_batch, failed)
        self.obeying = Obeying(
            name, spool.commands, self._observed, wants, others, self.write, self._is_gone
        )
        self.obeying.planned = epochs
        self._trace = Trace()
        self._logged: dict[str, Any] = {}
        self._pending: dict[str, Any] | None = None
        self._steps_late: bool | None = None  # whether the scheduler steps after `epoch`
        self._progress_due = 0.0
        self._lrs = self._observed.lrs()
        self._began = time.monotonic()
        self._paused_before = 0.0
        self.write(
            {
                "kind": "start",
                "spool": SPOOL_VERSION,
                "name": name,
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "script": Path(sys.argv[0]).name if sys.argv else "",
                "python": platform.python_version(),
                "torch": _torch_version(),
                "locked": spool.locked,
                "epochs": epochs,
                "batches": batches,
                "controls": self.obeying.controls,
                "monitor": monitor,
                "optimizer": _described_optimizer(optimizer),
                "scheduler": None if scheduler is None else _described(scheduler),
                "first_epoch": 1,
            }
        )
        self._observed.attach()
        if scheduler is not None and not self._observed.sees_steps:
            name = type(scheduler).__name__
            self.warn(f"The steps of {name} cannot be seen: only the learning rates are recorded.")
        self.obeying.announce()

    def write(self, line: dict[str, Any], *, passing: bool = False) -> None:
        """Write a line, and when it was written; never raises an Exception."""
        if self.is_lost:
            return
        try:
            self._spool.write({"at": time.time(), **line}, passing=passing)
        except Exception as error:
            self.is_lost = isinstance(error, SpoolGoneError)
            self._failed(error)

    def _is_gone(self) -> bool:
        return self._spool.is_gone

    def warn(self, sentence: str) -> None:
        """Tell the page."""
        self.write({"kind": "warned", "sentence": sentence})

    def plan(self, count: int, start: int) -> None:
        """The loop will end epoch `count`, counted from the present one, and begins after epoch
        `start`.
        """
        obeying = self.obeying
        if start and not self.done:
            self.done = start
            self.write({"kind": "first", "epoch": start + 1})
        planned = self.done + count - start
        if planned != obeying.planned:
            obeying.planned = planned
            self.write({"kind": "planned", "epochs": planned})
        obeying.ends_epochs = True
        obeying.announce()
        self.due = self.loss_due = 0.0

    def unplan(self) -> None:
        """The loop is over, and can neither be ended nor made longer."""
        self.obeying.ends_epochs = False
        self.obeying.announce()

    def look(self, loss: Any) -> None:
        """What is due at a batch, which is counted already."""
        self.settle()
        now = time.monotonic()
        lr = (self._observed.last or self._observed.lrs())[0]
        if loss is not None and now >= self._trace.due:
            self._trace.add(now, self.batch - 1, loss, lr)
        if now >= self._progress_due:
            self._progress_due = now + PROGRESS_EVERY
            self.write(
                {
                    "kind": "progress",
                    "epoch": self.done + 1,
                    "batch": self.batch,
                    "lr": number(lr),
                    "trace": self._trace.collect(),
                },
                passing=True,
            )
        self.due = min(self._progress_due, self.obeying.due)
        self.loss_due = min(self.due, self._trace.due)

    def settle(self) -> None:
        """Write the epoch that waits, then do what was asked."""
        self._write_waiting()
        self.obey()

    def log(self, metrics: dict[str, Any]) -> None:
        """Numbers for the epoch under way."""
        self._logged |= self._numbers(metrics)

    def epoch(self, metrics: dict[str, Any]) -> None:
        """An epoch is over. If the scheduler has not stepped in it, its line waits for the step
        that may follow, at most until the next batch.
        """
        self._write_waiting()
        observed, now, paused = self._observed, time.monotonic(), self.obeying.paused_for
        self.done += 1
        first = [number(lr) for lr in observed.first or self._lrs]
        self._pending = {
            "kind": "epoch",
            "epoch": self.done,
            "at": time.time(),
            "lr": first[0],
            "lr_last": self._last_lr(),
            "lrs": first,
            "metrics": self._logged | self._numbers(metrics),
            "seconds": now - self._began - (paused - self._paused_before),
            "batches": self.batch,
            "trace": self._trace.collect(),
        }
        self._logged = {}
        self.batch, self._began, self._paused_before = 0, now, paused
        self._trace.start()
        self.due = self.loss_due = 0.0
        asked_now = self._steps_late is False and self.obeying.is_asked()
        if observed.sees_steps and not observed.steps and not asked_now:
            observed.awaited = True
        else:
            self._write_epoch()
            self.obey()

    def end(self, status: str, reason: str | None) -> None:
        """The training is over: its last lines."""
        self._write_waiting()
        if not self.done and (self.batch or self._observed.first or self._observed.steps):
            reason = reason or "No epoch was recorded: call scope.epoch() once an epoch."
        self.write({"kind": "end", "status": status, "reason": reason and reason[:_LONGEST]})

    def is_complete(self) -> bool:
        """Whether all epochs that it was to have have come."""
        return self.obeying.planned is not None and self.done >= self.obeying.planned

    def leave(self) -> None:
        """See no more of the training and give back its files."""
        self._observed.detach()
        self._spool.close()

    def abandon(self) -> None:
        """In a forked child: it is the parent that is watched."""
        self._observed.unhook()
        self._spool.abandon()

    def _last_lr(self) -> float:
        """The LR of the epoch's last batch."""
        observed = self._observed
        if observed.last is None and observed.step is not None:
            return lr_of(observed.step.before.groups[0])
        return number((observed.last or self._lrs)[0])

    def _write_waiting(self) -> None:
        if self._pending is not None:
            self._steps_late = bool(self._steps_late)
            self._write_epoch()

    def _write_epoch(self) -> None:
        observed, epoch, self._pending = self._observed, self._pending, None
        assert epoch is not None
        step = observed.step.plain() if observed.step else None
        stepped, self._lrs = observed.steps, observed.lrs()
        observed.forget()
        observed.awaited = False
        self.write({**epoch, "next_lrs": self._lrs, "stepped": stepped, "step": step})
        self.obeying.end_epoch()

    def obey(self) -> None:
        """Do what was asked, unless an epoch waits for the scheduler's step."""
        if self._pending is not None:
            return
        self.obeying.look(self.done + 1, self.batch)
        if self.batch == 0:
            self._lrs = self._observed.lrs()

    def _stepped(self) -> None:
        """The scheduler has stepped."""
        with self.lock:
            if self._pending is not None:
                self._steps_late = True
                self._write_epoch()
                self.obey()

    def _before_batch(self) -> None:
        """The optimizer is about to step: no step of the scheduler belongs to the epoch before any
        more.
        """
        with self.lock:
            self._write_waiting()

    def _numbers(self, metrics: dict[str, Any]) -> dict[str, float]:
        """Those that are numbers; the user is told of the first that is none."""
        found = {}
        for name, value in metrics.items():
            try:
                if value is not None:
                    found[name] = number(value)
            except Exception:
                self._failed(f"{name} is {_kind(value)}, no number: it is not recorded")
        return found


def _kind(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ + (f" of shape {tuple(shape)}" if shape else "")


def _torch_version() -> str | None:
    torch = sys.modules.get("torch")
    return None if torch is None else str(torch.__version__)


def _described_optimizer(optimizer: Any) -> dict[str, Any]:
    cls = type(optimizer)
    groups = [plain_entries(group, frozenset({"params"})) for group in optimizer.param_groups]
    return {"class": cls.__name__, "module": cls.__module__, "groups": groups}


def _described(scheduler: Any) -> dict[str, Any]:
    cls = type(scheduler)
    return {
        "class": cls.__name__,
        "module": cls.__module__,
        "state": Attributes.of(scheduler).plain()["state"],
        "parts": [_described(part) for part in parts_of(scheduler)],
    }
