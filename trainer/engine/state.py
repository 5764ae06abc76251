"""The full state of a run, and how it is captured in a snapshot and restored from one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..config import versions
from ..config.own import in_file
from ..config.run import RunConfig, is_known_model
from ..schedule import optimizers
from ..schedule.decisions import Decision
from ..schedule.handover import hand_over
from ..schedule.schedule import Schedule
from ..schedule.trace import groups
from .errors import EngineError
from .own_network import NetworkError

Snapshot = dict[str, Any]
"""A run's full state: host tensors and plain values only, so that torch.load can read it with
weights_only.
"""

VERSION = 1
PLAIN = ("epoch", "batch", "seconds", "lr", "lr_last", "added")
# Layers that draw from torch's own generators during training.
RANDOM_LAYERS = (
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout,
)  # fmt: skip


class SnapshotError(EngineError):
    """A snapshot cannot be read; the message is one sentence for the user."""


@dataclass
class State:
    """A run before one of its batches.

    `epoch` epochs are complete, and `batch` batches of the next one. For that epoch, `losses` has
    the loss of each batch so far (float32 [batches], on the device), `lr` and `lr_last` are the LRs
    of the first and the last batch so far, `lrs` those of the last batch of each group of its trace
    (NaN where unknown), `seconds` is the time taken. `added` counts epochs added by hand. `threads`
    is torch's number of CPU threads. `stamp` and `notes` are those of the network as it was built.
    """

    config: RunConfig
    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    order: torch.Generator
    losses: Tensor
    threads: int
    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    lr: float = 0.0
    lr_last: float = 0.0
    lrs: list[float] = field(default_factory=list)
    added: int = 0
    stamp: str = ""
    notes: tuple[str, ...] = ()
    # The schedule before it stepped with the last epoch's metric: a fork decides on it again.
    _undecided: dict[str, Any] = field(default_factory=dict)
    _metric: float = 0.0
    _order: Tensor = field(init=False)  # the generator's state when the epoch started

    def __post_init__(self) -> None:
        self._order = self.order.get_state()

    @property
    def epochs(self) -> int:
        """The run's planned number of epochs."""
        return self.config.epochs + self.added

    def shuffled(self, images: int) -> Tensor:
        """The image order of the current epoch: int64 [images], the same at each call."""
        self.order.set_state(self._order)
        return torch.randperm(images, generator=self.order)

    def end_batch(self, loss: Tensor) -> None:
        """End a batch that was trained with the schedule's LR; its loss stays on the device."""
        self.losses[self.batch] = loss
        self.lr_last = self.schedule.lr
        self.lr = self.lr if self.batch else self.lr_last
        self.batch += 1
        if groups(self.batch, self.schedule.batches) > len(self.lrs):
            self.lrs.append(self.lr_last)
        self.schedule.step_batch()

    def end_epoch(self, metric: float) -> Decision:
        """End the epoch; return the schedule's decision on its metric."""
        self._undecided, self._metric = self.schedule.state_dict(), metric
        self._order = self.order.get_state()
        self.epoch, self.batch, self.seconds, self.lrs = self.epoch + 1, 0, 0.0, []
        return self.schedule.advance(metric)

    def capture(self) -> Snapshot:
        """A snapshot: a copy of the full state on the host."""
        copied: Snapshot = _on_host(
            {
                "version": VERSION,
                "config": self.config.model_dump_json(),
                "config_version": versions.VERSION,
                **{name: getattr(self, name) for name in PLAIN},
                "threads": self.threads,
                "lrs": self.lrs,
                "losses": self.losses[: self.batch],
                "model": dict(self.model.state_dict()),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "undecided": self._undecided,
                "metric": self._metric,
                "order": self._order,
                "generators": _generators(self.config.model, self.model, self.losses.device),
            }
        )
        return copied

    def restore(self, start: Snapshot) -> Decision | None:
        """Restore a snapshot of a run with this config or, for a fork, of another run at the end of
        an epoch. Returns the decision of a fork's own schedule on that epoch.

        Raises:
            SnapshotError: the snapshot is from a newer LRScope, or does not fit this run.
        """
        parent = config_of(start)
        try:
            return self._restore(start, parent)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            raise _unfit(error) from error

    def _restore(self, start: Snapshot, parent: RunConfig) -> Decision | None:
        for name in PLAIN:
            setattr(self, name, start[name])
        self.threads = start.get("threads", self.threads)  # since the setting of that name
        unknown = [math.nan] * groups(self.batch, self.schedule.batches)  # before there were traces
        self.lrs = list(start.get("lrs", unknown))
        self.losses[: self.batch] = start["losses"].to(self.losses.device)
        self._load_weights(start)
        # A copy, because torch's optimizers keep and modify the tensors that they load.
        optimizers.load(self.optimizer, _on_host(start["optimizer"]))
        self._undecided, self._metric = start["undecided"], start["metric"]
        self._order = start["order"].clone()
        _set_generators(start["generators"], self.losses.device)
        if parent == self.config:
            self.schedule.load_state_dict(start["schedule"])
            return None
        self.added = 0
        return hand_over(self.schedule, self._undecided, self._metric, start["schedule"], parent)

    def _load_weights(self, start: Snapshot) -> None:
        try:
            self.model.load_state_dict(start["model"])
        except RuntimeError as error:
            own = in_file(self.config.model)
            if own is None:
                raise
            raise NetworkError(
                f"{own.name} in {own.file} has other weights than those of epoch "
                f"{start['epoch']}: put back the file as it was then, or start another run."
            ) from error


def config_of(snapshot: Snapshot) -> RunConfig:
    """The config of a snapshot's run.

    Raises:
        SnapshotError: the snapshot is from a newer LRScope, or is none.
    """
    try:
        version, config = snapshot["version"], snapshot["config"]
        config_version = snapshot.get("config_version", 1)
        if version <= VERSION and config_version <= versions.VERSION:
            return versions.read(RunConfig, config, config_version)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise _unfit(error) from error
    raise SnapshotError("This snapshot was written by a newer LRScope; update LRScope.")


def _unfit(error: Exception) -> SnapshotError:
    why = " ".join(str(error).split()) or type(error).__name__
    return SnapshotError(f"The snapshot does not fit this run ({type(error).__name__}: {why}).")


def _on_host(tree: Any) -> Any:
    """A copy of a tree of dicts and lists, with every tensor on the host."""
    if isinstance(tree, Tensor):
        return tree.detach().to("cpu", copy=True)
    if isinstance(tree, Mapping):
        copied = {key: _on_host(value) for key, value in tree.items()}
        return copied if type(tree) is dict else type(tree)(copied)  # type: ignore[call-arg]
    if isinstance(tree, list | tuple):
        return type(tree)(_on_host(value) for value in tree)
    return tree


def _generators(name: str, model: nn.Module, device: torch.device) -> dict[str, Tensor]:
    """The states of those of torch's generators that this model may draw from."""
    drawing = any(isinstance(module, RANDOM_LAYERS) for module in model.modules())
    if is_known_model(name) and not drawing:
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
