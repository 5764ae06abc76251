"""Keras's fit with the PyTorch backend, watched."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.watch.epochs import ending, lrs, metrics
from tests.watch.spools import ask, line, lines

os.environ.setdefault("KERAS_BACKEND", "torch")
keras: Any = pytest.importorskip("keras")

from trainer.watch.keras import Watch  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore", "error::trainer.watch.scope.WatchWarning"),
    pytest.mark.usefixtures("looks_always"),
]

LR = 0.25
BATCHES = 4
X = np.random.default_rng(0).normal(size=(8 * BATCHES, 4)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


class Seen(keras.callbacks.Callback):
    """The LR of each batch and its loss; asks for something, or fails, at one of them, from 1."""

    def __init__(self, home: Path, ask_at: int = -1, *asked: Any, fails_at: int = -1) -> None:
        super().__init__()
        self.home, self.ask_at, self.asked, self.fails_at = home, ask_at, asked, fails_at
        self.lrs: list[float] = []

    def on_train_batch_begin(self, *_: Any, **__: Any) -> None:
        self.lrs.append(float(self.model.optimizer.learning_rate))

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        if len(self.lrs) == self.ask_at:
            ask(self.home, *self.asked)
        if len(self.lrs) == self.fails_at:
            raise ValueError("no more data")


def fitted(
    home: Path,
    *callbacks: Any,
    epochs: int = 4,
    optimizer: Any = None,
    control: bool = False,
    **settings: Any,
) -> Any:
    """The history of a fit."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    optimizer = optimizer or keras.optimizers.SGD(LR)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    watch = Watch("mine", control=control, home=home)
    return model.fit(
        X, Y, batch_size=8, epochs=epochs, validation_data=(X, Y), verbose=0, shuffle=False,
        callbacks=[watch, *callbacks], **settings,
    )  # fmt: skip


def test_each_epoch_has_keras_own_metrics_and_the_lr_that_was_used(tmp_path):
    seen = Seen(tmp_path)
    history = fitted(tmp_path, seen).history
    start = line(tmp_path, "start")
    assert (start["name"], start["epochs"], start["batches"]) == ("mine", 4, BATCHES)
    assert start["optimizer"]["class"] == "SGD"
    assert start["optimizer"]["groups"][0]["lr"] == LR
    names = {"loss": "train_loss", "accuracy": "train_accuracy"}
    assert metrics(tmp_path) == [
        {names.get(name, name): values[i] for name, values in history.items()} for i in range(4)
    ]
    assert lrs(tmp_path) == seen.lrs[::BATCHES]
    assert [epoch["batches"] for epoch in lines(tmp_path, "epoch")] == [BATCHES] * 4
    assert ending(tmp_path) == ("finished", None)


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0.1),
        keras.callbacks.LearningRateScheduler(lambda epoch: LR / (epoch + 1)),
    ],
    ids=["ReduceLROnPlateau", "LearningRateScheduler"],
)
def test_what_keras_callbacks_do_to_the_lr_is_shown(tmp_path, callback):
    seen = Seen(tmp_path)
    history = fitted(tmp_path, callback, seen).history
    assert lrs(tmp_path) == seen.lrs[::BATCHES]
    assert lrs(tmp_path) == pytest.approx(history["learning_rate"])
    assert len(set(lrs(tmp_path))) > 1
    following = [epoch["next_lrs"][0] for epoch in lines(tmp_path, "epoch")]
    assert following[:-1] == lrs(tmp_path)[1:]
    assert {"train_loss", "train_accuracy", "val_loss", "val_accuracy"} == set(metrics(tmp_path)[0])


def test_the_losses_within_an_epoch_are_the_batches_own(tmp_path):
    fitted(tmp_path, epochs=1, optimizer=keras.optimizers.SGD(1e-30))
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(loss="binary_crossentropy")
    parts = [slice(8 * i, 8 * i + 8) for i in range(BATCHES)]
    losses = [model.evaluate(X[part], Y[part], verbose=0) for part in parts]
    (epoch,) = lines(tmp_path, "epoch")
    assert epoch["trace"]
    assert [loss for _, loss, _ in epoch["trace"]] == pytest.approx(
        [losses[i] for i, _, _ in epoch["trace"]], rel=1e-5
    )


def test_a_schedule_in_the_optimizer_is_shown_and_cannot_be_set_by_hand(tmp_path):
    seen = Seen(tmp_path, BATCHES + 1, "lr", 0.125)
    schedule = keras.optimizers.schedules.ExponentialDecay(LR, BATCHES, 0.5)
    optimizer = keras.optimizers.Adam(schedule)
    fitted(tmp_path, seen, optimizer=optimizer, control=True)
    assert lrs(tmp_path) == seen.lrs[::BATCHES]
    assert lrs(tmp_path) == pytest.approx([LR, LR / 2, LR / 4, LR / 8])
    assert "comes from a schedule" in line(tmp_path, "refused")["reason"]


def test_an_lr_set_by_hand_is_that_of_the_next_batch(tmp_path):
    seen = Seen(tmp_path, BATCHES + 1, "lr", 0.125)
    fitted(tmp_path, seen, control=True)
    changed = line(tmp_path, "intervened")
    assert (changed["epoch"], changed["batch"], changed["lr_after"]) == (2, 1, 0.125)
    assert seen.lrs == [LR] * 5 + [0.125] * 11


def test_stop_ends_fit_by_keras_own_switch_after_it_has_validated(tmp_path):
    seen = Seen(tmp_path, 2 * BATCHES + 1, "stop")
    fit = fitted(tmp_path, seen)
    assert fit.model.stop_training
    assert len(seen.lrs) < 3 * BATCHES
    assert [epoch["val_loss"] for epoch in metrics(tmp_path)] == fit.history["val_loss"]
    assert ending(tmp_path) == ("stopped", None)


def test_a_fit_that_begins_at_a_later_epoch_is_told_what_is_to_come(tmp_path):
    fitted(tmp_path, epochs=10, initial_epoch=7)
    assert line(tmp_path, "start")["epochs"] == len(metrics(tmp_path)) == 3


def test_an_error_reaches_the_user(tmp_path):
    with pytest.raises(ValueError, match="no more data"):
        fitted(tmp_path, Seen(tmp_path, fails_at=6))
    assert len(metrics(tmp_path)) == 1


def test_keras_need_not_read_a_loss_for_it():
    """Keras reads the logs of each batch at once for a callback that is called at its end."""
    assert keras.src.utils.is_default(Watch("mine").on_train_batch_end)
    assert keras.src.utils.is_default(Watch("mine").on_batch_end)
