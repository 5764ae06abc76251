"""skorch's nets, watched."""

import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from tests.watch.epochs import ending, lrs, metrics, plateau_lrs
from tests.watch.spools import ask, line, lines

skorch: Any = pytest.importorskip("skorch")

from skorch.callbacks import Callback, EpochScoring, LRScheduler  # noqa: E402

from trainer.watch.skorch import Watch  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore", "error::trainer.watch.scope.WatchWarning"),
    pytest.mark.usefixtures("looks_always"),
]

LR = 0.5
BATCHES = 4  # of an epoch
X = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int64")


class Seen(Callback):
    """The LR of each batch; asks for something, or fails, after one of them, from 1."""

    def __init__(
        self, home: Path, ask_after: int = -1, asked: Any = (), fails_after: int = -1
    ) -> None:
        self.home, self.ask_after, self.asked = home, ask_after, asked
        self.fails_after = fails_after
        self.lrs_: list[float] = []

    def on_batch_end(self, net: Any, training: bool = False, **_: Any) -> None:
        if training:
            self.lrs_.append(net.optimizer_.param_groups[0]["lr"])
            if len(self.lrs_) == self.ask_after:
                ask(self.home, *self.asked)
            if len(self.lrs_) == self.fails_after:
                raise ValueError("no more data")


def net_of(*callbacks: Any, epochs: int = 6) -> Any:
    torch.manual_seed(0)
    return skorch.NeuralNetClassifier(
        torch.nn.Linear(4, 2),
        criterion=torch.nn.CrossEntropyLoss,
        lr=LR,
        max_epochs=epochs,
        batch_size=8,
        train_split=skorch.dataset.ValidSplit(0.2, random_state=0),
        callbacks=list(callbacks),
        verbose=0,
    )


def test_each_epoch_has_its_row_of_the_history_and_the_lr_that_was_used(tmp_path):
    rule = LRScheduler(StepLR, step_size=2, gamma=0.5, event_name="event_lr")
    seen = Seen(tmp_path)
    net = net_of(seen, rule, Watch("mine", home=tmp_path)).fit(X, Y)
    start = line(tmp_path, "start")
    assert (start["name"], start["epochs"], start["scheduler"]["class"]) == ("mine", 6, "StepLR")
    rows = net.history[:, ("train_loss", "valid_loss", "valid_acc")]
    assert metrics(tmp_path) == [
        {"train_loss": train, "val_loss": val, "val_acc": accuracy} for train, val, accuracy in rows
    ]
    assert lrs(tmp_path) == seen.lrs_[::BATCHES] == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]
    epochs = lines(tmp_path, "epoch")
    assert [(epoch["stepped"], epoch["batches"]) for epoch in epochs] == [(1, BATCHES)] * 6
    assert ending(tmp_path) == ("finished", None)


def test_callbacks_that_come_later_count_too(tmp_path):
    plateau: dict[str, Any] = {"patience": 0, "factor": 0.5, "threshold": 0.1}
    seen = Seen(tmp_path)
    score = EpochScoring("balanced_accuracy", name="valid_balanced", lower_is_better=False)
    rule = LRScheduler(ReduceLROnPlateau, monitor="valid_loss", **plateau)
    net = net_of(Watch("mine", home=tmp_path), seen, score, rule).fit(X, Y)
    assert line(tmp_path, "start")["monitor"] == "val_loss"
    balanced = [epoch["val_balanced"] for epoch in metrics(tmp_path)]
    assert balanced == net.history[:, "valid_balanced"]
    losses = [epoch["val_loss"] for epoch in metrics(tmp_path)]
    assert [epoch["step"]["metric"] for epoch in lines(tmp_path, "epoch")] == losses
    wanted = plateau_lrs(losses, LR, partial(ReduceLROnPlateau, **plateau))
    assert lrs(tmp_path) == seen.lrs_[::BATCHES] == wanted
    assert len(set(wanted)) > 1


def test_the_losses_within_an_epoch_are_the_batches_own(tmp_path):
    net = net_of(Watch("mine", home=tmp_path), epochs=1).fit(X, Y)
    (epoch,) = lines(tmp_path, "epoch")
    losses = net.history[-1, "batches", :, "train_loss"]
    assert epoch["trace"]
    assert [loss for _, loss, _ in epoch["trace"]] == [losses[i] for i, _, _ in epoch["trace"]]


def test_stop_ends_fit_after_the_epoch_under_way(tmp_path):
    net = net_of(Seen(tmp_path, 2 * BATCHES + 1, ["stop"]), Watch("mine", home=tmp_path)).fit(X, Y)
    assert len(net.history) == 3
    assert "valid_loss" in net.history[-1]
    assert len(lines(tmp_path, "epoch")) == 3
    assert ending(tmp_path) == ("stopped", None)
    net.predict(X)


def test_an_lr_set_by_hand_is_that_of_the_next_batch(tmp_path):
    seen = Seen(tmp_path, BATCHES + 1, ["scale", 0.5])
    rule = LRScheduler(StepLR, step_size=2, gamma=0.5)
    net_of(seen, rule, Watch("mine", control=True, home=tmp_path), epochs=4).fit(X, Y)
    changed = line(tmp_path, "intervened")
    assert (changed["epoch"], changed["batch"], changed["lr_after"]) == (2, 1, LR / 2)
    assert seen.lrs_ == [LR] * 5 + [LR / 2] * 3 + [LR / 4] * 8


def test_without_a_scheduler_the_lr_of_the_optimizer_is_recorded(tmp_path):
    net_of(Watch("mine", home=tmp_path), epochs=2).fit(X, Y)
    assert line(tmp_path, "start")["scheduler"] is None
    assert lrs(tmp_path) == [LR, LR]


class Copies(Callback):
    """Pickles the net while it trains, as skorch's Checkpoint can."""

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        pickle.loads(pickle.dumps(net))


def test_a_net_with_it_can_be_cloned_and_pickled_and_each_fit_is_a_run(tmp_path):
    net = clone(net_of(Copies(), Watch("mine", home=tmp_path), epochs=1))
    net.fit(X, Y)
    net.fit(X, Y)
    spools = [path for path in (tmp_path / "watched").iterdir() if path.suffix == ".jsonl"]
    assert len(spools) == 2


def test_an_error_reaches_the_user_and_the_next_fit_is_watched(tmp_path):
    net = net_of(Seen(tmp_path, fails_after=6), Watch("mine", home=tmp_path))
    with pytest.raises(ValueError, match="no more data"):
        net.fit(X, Y)
    assert len(lines(tmp_path, "epoch")) == 1
    net.callbacks_.clear()
