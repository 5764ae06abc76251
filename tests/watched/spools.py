"""A spool written by hand, as a watched training writes it."""

import copy
import json
import math
import os
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock

from trainer.watched import lines
from trainer.watched.training import News, Training


def plain(value: Any) -> Any:
    """A value as JSON has it; None where it has nothing for it."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value if isinstance(value, bool | int | float | str) else None


def attributes(scheduler: Any) -> dict[str, Any]:
    left_out = {"optimizer", "_schedulers"}
    own = {k: v for k, v in vars(scheduler).items() if k not in left_out and not callable(v)}
    return {key: plain(value) for key, value in own.items()}


def groups(optimizer: Any) -> list[dict[str, Any]]:
    return [plain({k: v for k, v in g.items() if k != "params"}) for g in optimizer.param_groups]


def described(scheduler: Any) -> dict[str, Any]:
    cls = type(scheduler)
    return {
        "class": cls.__name__,
        "module": cls.__module__,
        "state": attributes(scheduler),
        "parts": [described(part) for part in getattr(scheduler, "_schedulers", ())],
    }


def state(optimizer: Any, scheduler: Any) -> dict[str, Any]:
    """What a step may change."""
    parts = [{"state": attributes(part)} for part in getattr(scheduler, "_schedulers", ())]
    found: dict[str, Any] = {
        "lrs": [group["lr"] for group in optimizer.param_groups],
        "groups": groups(optimizer),
        "state": attributes(scheduler),
        "parts": parts,
    }
    return copy.deepcopy(found)


def start(
    optimizer: Any = None, scheduler: Any = None, name: str = "mine", **changed: Any
) -> dict[str, Any]:
    cls = type(optimizer)
    seen = {"class": cls.__name__, "module": cls.__module__}
    return {
        "kind": "start",
        "spool": 1,
        "at": 1000.0,
        "name": name,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "script": "train.py",
        "python": "3.12",
        "torch": "2.0",
        "locked": True,
        "epochs": None,
        "batches": None,
        "controls": [],
        "monitor": None,
        "optimizer": None if optimizer is None else {**seen, "groups": groups(optimizer)},
        "scheduler": None if scheduler is None else described(scheduler),
        "first_epoch": 1,
        **changed,
    }


def epoch(number: int, lr: float = 0.1, **changed: Any) -> dict[str, Any]:
    """An epoch that nothing is known of but its LR."""
    return {
        "kind": "epoch",
        "epoch": number,
        "at": 1000.0 + number,
        "lr": lr,
        "lr_last": lr,
        "lrs": [lr],
        "next_lrs": [lr],
        "metrics": {"val_loss": 1 / number},
        "seconds": 1.0,
        "batches": 0,
        "stepped": 0,
        "step": None,
        "trace": [],
        **changed,
    }


class Loop:
    """A plain loop over epochs, watched: its scheduler steps each batch or at each epoch's end."""

    def __init__(
        self, optimizer: Any, scheduler: Any, batches: int, each_batch: bool, **told: Any
    ) -> None:
        self.optimizer, self.scheduler = optimizer, scheduler
        self.batches, self.each_batch = batches, each_batch
        self.epochs = 0
        self.started = start(optimizer, scheduler, batches=batches, **told)

    def epoch(self, **metrics: float) -> dict[str, Any]:
        """Train one epoch; its line. The scheduler is given the first metric if it takes one."""
        groups = self.optimizer.param_groups
        self.epochs += 1
        first, step, stepped = [group["lr"] for group in groups], None, 0
        for _ in range(self.batches):
            last = groups[0]["lr"]
            self.optimizer.step()
            if self.each_batch:
                step, stepped = self._step(), stepped + 1
        if self.scheduler is not None and not self.each_batch:
            step, stepped = self._step(*list(metrics.values())[:1]), 1
        return epoch(
            self.epochs,
            lr=first[0],
            lr_last=last,
            lrs=first,
            next_lrs=[group["lr"] for group in groups],
            metrics=metrics,
            batches=self.batches,
            stepped=stepped,
            step=step,
        )

    def _step(self, *given: float) -> dict[str, Any]:
        before = state(self.optimizer, self.scheduler)
        takes = type(self.scheduler).__name__ == "ReduceLROnPlateau"
        self.scheduler.step(*(given if takes else ()))
        after = state(self.optimizer, self.scheduler)
        return {"metric": given[0] if takes else None, "before": before, "after": after}


def said(spool: Iterable[dict[str, Any]]) -> tuple[Training, list[News]]:
    """What is made of a spool's lines, in the form in which they lie on the disk."""
    read = [lines.read(json.dumps(line).encode()) for line in spool]
    first, *rest = [line for line in read if line is not None]
    assert isinstance(first, lines.Start)
    training = Training(first)
    news = list(training.first_words())
    for line in rest:
        news += training.feed(line, math.nan)
    return training, news


HELD: list[FileLock] = []  # a lock that nobody keeps is given back


class SpoolWriter:
    """A spool on the disk, and the lock that says that its training lives."""

    def __init__(self, home: Path, lines: Sequence[dict[str, Any]] = ()) -> None:
        self.folder = home / "watched"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.id = uuid4().hex
        self.path = self.folder / f"{self.id}.jsonl"
        self.commands = self.folder / f"{self.id}.commands.jsonl"
        self.lock = FileLock(self.folder / f"{self.id}.lock", thread_local=False)
        self.lock.acquire()
        HELD.append(self.lock)
        self.path.touch()
        self.write(*lines)

    def write(self, *lines: dict[str, Any]) -> None:
        self.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def write_text(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)

    def asked(self) -> list[dict[str, Any]]:
        """The commands that have reached it."""
        if not self.commands.exists():
            return []
        return [json.loads(line) for line in self.commands.read_text().splitlines()]

    def die(self) -> None:
        """What is left when its process is killed: the files, and no lock."""
        self.lock.release()
        (self.folder / f"{self.id}.lock").touch()
