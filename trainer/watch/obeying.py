"""What is asked of a watched training: read from its file of commands, done in its thread."""

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import by_hand
from .by_hand import RefusedError
from .observed import Observed
from .plain import lr_of

EVERY = 0.05  # seconds between two looks at the file
BY_HAND = ("lr", "scale", "cut")
AS_FLOAT32 = 1e-6  # how far an LR that is kept in 32 bits may be from the one that was asked for


class Commands:
    """The commands that were written since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def is_asked(self) -> bool:
        """Whether there is one."""
        try:
            return os.stat(self._path).st_size > self._read  # noqa: PTH116 - a fast look
        except FileNotFoundError:
            return False

    def new(self) -> Iterator[dict[str, Any]]:
        """Each whole line once."""
        if not self.is_asked():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            lines = file.read().split(b"\n")
        for line in lines[:-1]:
            self._read += len(line) + 1
            try:
                command = json.loads(line)
            except ValueError:
                continue
            if isinstance(command, dict) and "id" in command and "name" in command:
                yield command


class Obeying:
    """Pauses, stops and changes a training as it is asked to.

    Args:
        path: the file of the commands.
        wants: whether the user allowed more than Stop.
        others: how many other processes train with this one; they would not follow.
        write: writes a line of the spool; never raises.
        is_gone: whether nobody can ask anything any more.

    Attributes:
        stopping: whether Stop was asked for.
        ends_epochs: whether the training's loop is over `Scope.epochs`.
        reads_stopping: whether the training reads `Scope.stopping`.
        planned: the epochs of the loop, None if not known.
        added: those that were added to it.
        due: when to look again, by the monotonic clock.
        paused_for: the seconds of all pauses.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        observed: Observed,
        wants: bool,
        others: int,
        write: Callable[[dict[str, Any]], None],
        is_gone: Callable[[], bool],
    ) -> None:
        self.stopping = self.ends_epochs = self.reads_stopping = False
        self.planned: int | None = None
        self.added = 0
        self.paused_for = 0.0
        self.due = 0.0 if wants and not others else math.inf
        self._name = name
        self._commands = Commands(path)
        self._observed = observed
        self._wants = wants
        self._others = others
        self._write = write
        self._is_gone = is_gone
        self._announced = self.controls
        self._paused = self._stepping = self._has_said = self._has_warned = False

    @property
    def controls(self) -> list[str]:
        """The commands that it obeys."""
        if self._others:
            return []
        stop = ["stop"] if self.ends_epochs or self.reads_stopping else []
        if not self._wants:
            return stop
        more = ["epochs"] if self.ends_epochs else []
        return [*stop, "pause", "unpause", "step", *BY_HAND, *more]

    def announce(self) -> None:
        """Tell the page where other commands are obeyed than before."""
        if (self._wants or self.ends_epochs or self.reads_stopping) and self._others:
            self._say_why_not()
        if self.controls != self._announced:
            self._announced = self.controls
            self._write({"kind": "controls", "controls": self._announced})
        self.due = 0.0 if self._announced else math.inf

    def _say_why_not(self) -> None:
        if not self._has_said:
            self._has_said = True
            sentence = (
                f"Control is off: {self._others + 1} processes train together, and the others "
                "would not follow."
            )
            self._write({"kind": "warned", "sentence": sentence})

    def is_asked(self) -> bool:
        """Whether there is something to do."""
        return self.due != math.inf and self._commands.is_asked()

    def end_epoch(self) -> None:
        """An epoch is over: after a step, pause."""
        if self._stepping:
            self._paused, self._stepping = True, False

    def look(self, epoch: int, batch: int) -> None:
        """Do what was asked for since the last look, before that batch (from 0) of that epoch, and
        wait while it is paused.
        """
        if time.monotonic() >= self.due:
            self._obey_new(epoch, batch)
            self.due = time.monotonic() + EVERY
        if self._paused and not self.stopping:
            self._wait(epoch, batch)

    def _obey_new(self, epoch: int, batch: int) -> None:
        for command in self._commands.new():
            name, value, number = command["name"], command.get("value"), command["id"]
            try:
                done = self._obey(name, value, epoch, batch)
            except RefusedError as refused:
                self._write({"kind": "refused", "command": number, "reason": str(refused)})
            except Exception as error:
                reason = f"It could not be done: {type(error).__name__}: {error}"
                self._write({"kind": "refused", "command": number, "reason": reason})
            else:
                self._write({**done, "command": number})

    def _obey(self, name: str, value: float | None, epoch: int, batch: int) -> dict[str, Any]:
        """Do it; the line that says so."""
        if name not in self.controls:
            raise RefusedError(self._why_not(name))
        match name:
            case "stop":
                self.stopping = True
            case "pause" | "unpause" | "step":
                self._paused, self._stepping = name == "pause", name == "step"
            case _:
                before = self._lr()
                self._intervene(name, value)
                return {
                    "kind": "intervened",
                    "epoch": epoch,
                    "batch": batch,
                    "name": name,
                    "value": value,
                    "lr_before": before,
                    "lr_after": self._lr(),
                }
        return {"kind": "obeyed"}

    def _why_not(self, name: str) -> str:
        if self._others:
            return "Several processes train together, and the others would not follow."
        if name in ("stop", "epochs") and (self._wants or name == "stop"):
            return "Its loop is not over scope.epochs, so that only its own code can end it."
        if self._wants:
            return f"A watched training knows no command {name}."
        return "It was started without control=True, so that only its own code changes it."

    def _intervene(self, name: str, value: float | None) -> None:
        optimizer, scheduler = self._observed.optimizer, self._observed.scheduler
        if name == "epochs":
            self._add_epochs(value)
            return
        if name == "cut":
            by_hand.cut(optimizer, scheduler)
        elif value is None:
            raise RefusedError("Say which learning rate, or which factor.")
        elif name == "lr":
            self._set_lr(float(value))
        elif not value > 0:
            raise RefusedError("The factor must be a number above 0.")
        else:
            self._set_lr(self._lr() * value)
        self._observed.lrs()
        if (unknown := by_hand.unknown(scheduler)) and not self._has_warned:
            self._has_warned = True
            sentence = (
                f"LRScope does not know {unknown}: its next step may write over the learning "
                "rate that was set by hand."
            )
            self._write({"kind": "warned", "sentence": sentence})

    def _set_lr(self, lr: float) -> None:
        optimizer, scheduler = self._observed.optimizer, self._observed.scheduler
        by_hand.set_lr(optimizer, scheduler, lr)
        if not math.isclose(self._lr(), lr, rel_tol=AS_FLOAT32):
            raise RefusedError(
                f"{type(optimizer).__name__} did not take the learning rate: it gives copies of "
                "its parameter groups, and only its own code can change them."
            )

    def _add_epochs(self, value: float | None) -> None:
        if value is None or value != int(value) or value < 1:
            raise RefusedError("Add a whole number of epochs, at least 1.")
        if fixed := by_hand.fixed_length(self._observed.scheduler):
            name, steps = fixed
            raise RefusedError(f"{name} was made for {steps:,} steps and raises an error after.")
        self.added += int(value)
        self.planned = (self.planned or 0) + int(value)
        self._write({"kind": "planned", "epochs": self.planned})

    def _lr(self) -> float:
        return lr_of(self._observed.optimizer.param_groups[0])

    def _wait(self, epoch: int, batch: int) -> None:
        began = time.monotonic()
        self._write({"kind": "paused"})
        said = f"LRScope: {self._name} is paused in epoch {epoch}: press Continue in the page."
        try:
            with suppress(OSError, ValueError):  # nobody may be there to read it
                print(said, file=sys.stderr, flush=True)
            while self._paused and not self.stopping and not self._is_gone():
                time.sleep(EVERY)
                self._obey_new(epoch, batch)
        finally:
            self._paused = False
            self.paused_for += time.monotonic() - began
            self._write({"kind": "unpaused"})
