"""Everything that a run needs to go on: taken, given back, written and read.

A snapshot is a dict of tensors on the host and plain values, so that torch.load needs to trust
nothing in the file.
"""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..config.run import RunConfig
from ..schedule import optimizers
from ..schedule.decisions import Decision
from ..schedule.handover import hand_over
from ..schedule.schedule import Schedule
from . import files as shelf
from .files import At

Snapshot = dict[str, Any]
VERSION = 1


class SnapshotError(Exception):
    """A snapshot cannot be read; the message is one sentence for the user."""


@dataclass
class State:
    """A run at one of its batches.

    `epoch` whole epochs are done, and `batch` batches of the next one: `losses` has its loss for
    each of those (float32 [batches], on the device), `lr` and `lr_last` are the LRs of its first
    and of its last batch so far, `seconds` what it took. `added` counts epochs added by hand.
    """

    config: RunConfig
    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    order: torch.Generator
    losses: Tensor
    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    lr: float = 0.0
    lr_last: float = 0.0
    added: int = 0
    # What a fork decides on again: the schedule when it met the last epoch's metric.
    _undecided: dict[str, Any] = field(default_factory=dict)
    _metric: float = 0.0
    _order: Tensor = field(init=False)  # the generator when the epoch began

    def __post_init__(self) -> None:
        self._order = self.order.get_state()

    @property
    def epochs(self) -> int:
        """How many the run is to have."""
        return self.config.epochs + self.added

    def shuffled(self, images: int) -> Tensor:
        """The order of the epoch at hand: int64 [images], the same each time within an epoch."""
        self.order.set_state(self._order)
        return torch.randperm(images, generator=self.order)

    def end_epoch(self, metric: float) -> Decision:
        """The epoch is over; what the schedule decides on its metric."""
        self._undecided, self._metric = self.schedule.state_dict(), metric
        self._order = self.order.get_state()
        self.epoch, self.batch, self.seconds = self.epoch + 1, 0, 0.0
        return self.schedule.advance(metric)

    def capture(self) -> Snapshot:
        """A copy of it all on the host."""
        copied: Snapshot = _on_host(
            {
                "version": VERSION,
                "config": self.config.model_dump_json(),
                **{name: getattr(self, name) for name in PLAIN},
                "losses": self.losses[: self.batch],
                "model": dict(self.model.state_dict()),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "undecided": self._undecided,
                "metric": self._metric,
                "order": self._order,
                "generators": _generators(self.model, self.losses.device),
            }
        )
        return copied

    def restore(self, start: Snapshot) -> Decision | None:
        """Go on from a snapshot of this config, or of another one's at the end of an epoch: a
        fork, whose own schedule decides on that epoch again.

        Raises:
            SnapshotError: the snapshot is of a newer LRScope.
        """
        if start["version"] > VERSION:
            raise SnapshotError("This snapshot was written by a newer LRScope; update LRScope.")
        parent = config_of(start)
        for name in PLAIN:
            setattr(self, name, start[name])
        self.losses[: self.batch] = start["losses"].to(self.losses.device)
        self.model.load_state_dict(start["model"])
        # A copy: torch's optimizers take the tensors that they are given for their own.
        optimizers.load(self.optimizer, _on_host(start["optimizer"]))
        self._undecided, self._metric = start["undecided"], start["metric"]
        self._order = start["order"].clone()
        _set_generators(start["generators"], self.losses.device)
        if parent == self.config:
            self.schedule.load_state_dict(start["schedule"])
            return None
        self.added = 0
        return hand_over(self.schedule, self._undecided, self._metric, start["schedule"], parent)


def config_of(snapshot: Snapshot) -> RunConfig:
    """The config of the run that a snapshot was taken of."""
    return RunConfig.model_validate_json(snapshot["config"])


PLAIN = ("epoch", "batch", "seconds", "lr", "lr_last", "added")


def _on_host(tree: Any) -> Any:
    """The same tree of dicts and lists with every tensor copied to the host."""
    if isinstance(tree, Tensor):
        return tree.detach().to("cpu", copy=True)
    if isinstance(tree, Mapping):
        copied = {key: _on_host(value) for key, value in tree.items()}
        return copied if type(tree) is dict else type(tree)(copied)  # type: ignore[call-arg]
    if isinstance(tree, list | tuple):
        return type(tree)(_on_host(value) for value in tree)
    return tree


def _generators(model: nn.Module, device: torch.device) -> dict[str, Tensor]:
    """The states of torch's own generators, of those that this model's layers may draw from."""
    if not any(isinstance(module, nn.modules.dropout._DropoutNd) for module in model.modules()):
        return {}
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _set_generators(states: dict[str, Tensor], device: torch.device) -> None:
    if "cpu" in states:
        torch.set_rng_state(states["cpu"])
    if "cuda" in states and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)


def write(snapshot: Snapshot, path: Path) -> int:
    """Write it whole or not at all; its size in bytes.

    Raises:
        OSError: the disk is full, say.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            torch.save(snapshot, file)
            file.flush()
            os.fsync(file.fileno())
        size = part.stat().st_size
        part.replace(path)
    except RuntimeError as error:  # torch's word for a write that failed
        raise OSError(str(error).splitlines()[0]) from error
    finally:
        part.unlink(missing_ok=True)
    return size


def read(path: Path) -> Snapshot:
    """A snapshot, on the host.

    Raises:
        SnapshotError: the file is damaged or gone.
    """
    try:
        snapshot: Snapshot = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise SnapshotError(f"The snapshot {path.name} cannot be read ({error}).") from error
    return snapshot


class Keeper:
    """Writes one run's snapshots in the background, one at a time, and thins them to a budget.

    While one is written the next may wait; a later one takes its place, unless it is the best or
    that of a cut. So training waits for the copy to the host, and for a disk that is slower than
    the epochs only where a snapshot must not be left out.

    Args:
        folder: where they lie.
        budget: bytes that they may take together.
        mode: whether the monitor gets better downwards or upwards.
    """

    def __init__(self, folder: Path, budget: int, mode: Literal["min", "max"]) -> None:
        self.folder = folder
        self.budget = budget
        self.warning: str | None = None
        self._mode = mode
        for part in folder.glob("*.part"):  # of a process that died as it wrote
            part.unlink(missing_ok=True)
        self._sizes = {kept.at: kept.size for kept in shelf.listed(folder)}
        self._best: tuple[float, int] | None = None
        self._cuts: set[int] = set()
        self._changed = threading.Condition()
        self._waiting: tuple[At, Snapshot, bool] | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._write_all, name="snapshots", daemon=True)
        self._thread.start()

    def note(self, epoch: int, metric: float, cut: bool) -> bool:
        """Hear of an epoch before its snapshot; whether it is one that is kept before others.

        Args:
            metric: the run's monitor in this epoch.
            cut: whether the LR was cut at its end.
        """
        better = self._best is None or (
            metric < self._best[0] if self._mode == "min" else metric > self._best[0]
        )
        with self._changed:
            if better:
                self._best = metric, epoch
            if cut:
                self._cuts.add(epoch)
        return better or cut

    def keep(self, capture: Callable[[], Snapshot | None], before_others: bool) -> None:
        """Take a snapshot and have it written, unless that of the same moment is there."""
        with self._changed:
            while self._waiting is not None and self._waiting[2]:
                self._changed.wait()
        snapshot = capture()
        if snapshot is not None:
            with self._changed:
                at = snapshot["epoch"], snapshot["batch"]
                self._waiting = at, snapshot, before_others
                self._changed.notify_all()

    def close(self) -> None:
        """Wait until everything is written."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _write_all(self) -> None:
        while True:
            with self._changed:
                while self._waiting is None and not self._closed:
                    self._changed.wait()
                if self._waiting is None:
                    return
                at, snapshot, _ = self._waiting
                self._waiting = None
                self._changed.notify_all()
            try:
                if at not in self._sizes:
                    self._write(at, snapshot)
            except OSError as error:
                why = error.strerror or error
                self.warning = (
                    f"Snapshots cannot be written to {self.folder} ({why}): until they can, going "
                    "on or forking from here means training the epochs again."
                )

    def _write(self, at: At, snapshot: Snapshot) -> None:
        # Room is made first, so that the budget holds at every moment; only the last one, which
        # a resume needs, stays until the new one is there.
        if last := max(self._sizes, default=None):
            size = self._sizes[last]
            others = {**self._sizes, at: size}
            del others[last]
            self._thin(self._chosen(others, self.budget - size) | {last})
        self._sizes[at] = write(snapshot, self.folder / shelf.name(at))
        self._thin(self._chosen(self._sizes, self.budget))

    def _chosen(self, sizes: dict[At, int], budget: int) -> set[At]:
        with self._changed:
            best = self._best[1] if self._best else None
            return shelf.chosen(sizes, budget, best, self._cuts)

    def _thin(self, kept: set[At]) -> None:
        for at in self._sizes.keys() - kept:
            (self.folder / shelf.name(at)).unlink(missing_ok=True)
            del self._sizes[at]
