"""ignite's engines, watched."""

import statistics
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from tests.watch.epochs import ending, lrs, metrics, plateau_lrs
from tests.watch.spools import ask, line, lines

ignite: Any = pytest.importorskip("ignite")

from ignite.engine import (  # noqa: E402
    Events,
    create_supervised_evaluator,
    create_supervised_trainer,
)
from ignite.handlers import param_scheduler  # noqa: E402
from ignite.metrics import Loss, RunningAverage  # noqa: E402

from trainer.watch.ignite import Watch  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore", "error::trainer.watch.scope.WatchWarning"),
    pytest.mark.usefixtures("looks_always"),
]

LR = 0.25
BATCHES = 4
PLATEAU: dict[str, Any] = {"patience": 0, "factor": 0.5, "threshold": 0.2}


class Setup:
    """A trainer that validates after each epoch; what it saw, by the batch."""

    def __init__(self, home: Path, **made: Any) -> None:
        torch.manual_seed(0)
        self.home = home
        self.model = torch.nn.Linear(4, 1)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=LR)
        self.loss = torch.nn.functional.mse_loss
        self.data = [(torch.randn(8, 4), torch.randn(8, 1)) for _ in range(BATCHES)]
        self.trainer = create_supervised_trainer(self.model, self.optimizer, self.loss, **made)
        self.evaluator = create_supervised_evaluator(self.model, {"loss": Loss(self.loss)})
        self.lrs: list[float] = []
        self.losses: list[float] = []
        self.val_losses: list[float] = []

        @self.trainer.on(Events.ITERATION_STARTED)
        def see() -> None:
            self.lrs.append(self.optimizer.param_groups[0]["lr"])

        @self.trainer.on(Events.ITERATION_COMPLETED)
        def keep(trainer: Any) -> None:
            self.losses.append(float(trainer.state.output))

    def validates(self, *then: Any) -> None:
        """After each epoch, with what is to be done then."""

        @self.trainer.on(Events.EPOCH_COMPLETED)
        def validate() -> None:
            self.evaluator.run(self.data)
            self.val_losses.append(self.evaluator.state.metrics["loss"])
            for do in then:
                do(self.val_losses[-1])

    def run(self, epochs: int = 6, **settings: Any) -> None:
        self.trainer.run(self.data, max_epochs=epochs, **settings)

    def asks(self, after: int, *asked: Any) -> None:
        """After that batch, from 1."""
        self.trainer.add_event_handler(
            Events.ITERATION_COMPLETED(once=after), lambda: ask(self.home, *asked)
        )


@pytest.mark.parametrize("is_first", [True, False])
def test_each_epoch_has_the_engines_metrics_and_the_lr_that_was_used(tmp_path, is_first):
    """In whatever order the handlers come."""
    it = Setup(tmp_path)
    rule = ReduceLROnPlateau(it.optimizer, **PLATEAU)
    watch = Watch("mine", scheduler=rule, monitor="val_loss", home=tmp_path)
    if is_first:
        watch.attach(it.trainer, val=it.evaluator)
    it.validates(lambda loss: rule.step(loss))
    if not is_first:
        watch.attach(it.trainer, val=it.evaluator)
    it.run()
    start = line(tmp_path, "start")
    assert (start["name"], start["epochs"], start["batches"]) == ("mine", 6, BATCHES)
    assert (start["monitor"], start["scheduler"]["class"]) == ("val_loss", "ReduceLROnPlateau")
    epochs = lines(tmp_path, "epoch")
    assert [epoch["metrics"]["val_loss"] for epoch in epochs] == it.val_losses
    assert [epoch["step"]["metric"] for epoch in epochs] == it.val_losses
    means = [statistics.fmean(it.losses[i * BATCHES : (i + 1) * BATCHES]) for i in range(6)]
    assert [epoch["metrics"]["train_loss"] for epoch in epochs] == pytest.approx(means)
    wanted = plateau_lrs(it.val_losses, LR, partial(ReduceLROnPlateau, **PLATEAU))
    assert lrs(tmp_path) == it.lrs[::BATCHES] == wanted
    assert len(set(wanted)) > 1
    assert ending(tmp_path) == ("finished", None)


def test_ignites_own_plateau_scheduler_is_explained_like_torchs(tmp_path):
    it = Setup(tmp_path)
    it.validates()
    rule = param_scheduler.ReduceLROnPlateauScheduler(it.optimizer, "loss", **PLATEAU)
    it.evaluator.add_event_handler(Events.COMPLETED, rule)
    Watch("mine", scheduler=rule, home=tmp_path).attach(it.trainer, val=it.evaluator)
    it.run()
    assert [epoch["step"]["metric"] for epoch in lines(tmp_path, "epoch")] == it.val_losses
    wanted = plateau_lrs(it.val_losses, LR, partial(ReduceLROnPlateau, **PLATEAU))
    assert lrs(tmp_path) == it.lrs[::BATCHES] == wanted


def test_of_another_scheduler_of_ignites_its_lr_is_shown(tmp_path):
    it = Setup(tmp_path)
    rule = param_scheduler.LinearCyclicalScheduler(it.optimizer, "lr", 0.25, 0.0625, 2 * BATCHES)
    it.trainer.add_event_handler(Events.ITERATION_STARTED, rule)
    Watch("mine", scheduler=rule, home=tmp_path).attach(it.trainer)
    it.run(3)
    assert line(tmp_path, "start")["scheduler"] is None
    assert lrs(tmp_path) == pytest.approx([0.25, 0.0625, 0.25])


def test_the_trainers_own_metrics_are_those_of_training(tmp_path):
    it = Setup(tmp_path)
    RunningAverage(output_transform=float).attach(it.trainer, "loss")
    Watch("mine", optimizer=it.optimizer, home=tmp_path).attach(it.trainer)
    it.run(1)
    assert metrics(tmp_path) == [{"train_loss": it.trainer.state.metrics["loss"]}]


@pytest.mark.parametrize(
    "output", [lambda *parts: parts[3], lambda *parts: {"loss": parts[3]}], ids=["tensor", "dict"]
)
def test_a_loss_is_taken_from_the_trainers_output(tmp_path, output):
    it = Setup(tmp_path)
    losses: list[float] = []

    def told(*parts: Any) -> Any:
        losses.append(parts[3].item())
        return output(*parts)

    trainer = create_supervised_trainer(it.model, it.optimizer, it.loss, output_transform=told)
    Watch("mine", optimizer=it.optimizer, home=tmp_path).attach(trainer)
    trainer.run(it.data)
    (epoch,) = lines(tmp_path, "epoch")
    assert epoch["metrics"]["train_loss"] == pytest.approx(statistics.fmean(losses))
    assert epoch["trace"]
    assert [loss for _, loss, _ in epoch["trace"]] == [losses[i] for i, _, _ in epoch["trace"]]


def test_stop_terminates_the_engine_and_leaves_out_the_epoch_that_it_cut_short(tmp_path):
    it = Setup(tmp_path)
    it.asks(2 * BATCHES + 1, "stop")
    Watch("mine", optimizer=it.optimizer, home=tmp_path).attach(it.trainer)
    it.run()
    assert it.trainer.should_terminate
    assert len(it.lrs) < 3 * BATCHES
    assert len(metrics(tmp_path)) == 2
    assert ending(tmp_path) == ("stopped", None)


def test_an_lr_set_by_hand_is_that_of_the_next_batch(tmp_path):
    it = Setup(tmp_path)
    it.asks(BATCHES + 1, "scale", 0.5)
    rule = StepLR(it.optimizer, 2, 0.5)
    it.validates(lambda _: rule.step())
    Watch("mine", scheduler=rule, control=True, home=tmp_path).attach(it.trainer)
    it.run(4)
    changed = line(tmp_path, "intervened")
    assert (changed["epoch"], changed["batch"], changed["lr_after"]) == (2, 1, LR / 2)
    assert it.lrs == [LR] * 5 + [LR / 2] * 3 + [LR / 4] * 8


def test_an_error_ends_the_run_as_failed_and_reaches_the_user(tmp_path):
    it = Setup(tmp_path)
    Watch("mine", optimizer=it.optimizer, home=tmp_path).attach(it.trainer)

    @it.trainer.on(Events.ITERATION_COMPLETED(once=6))
    def fail() -> None:
        raise ValueError("no more data")

    with pytest.raises(ValueError, match="no more data"):
        it.run()
    assert len(metrics(tmp_path)) == 1
    assert ending(tmp_path) == ("failed", "ValueError: no more data")


def test_a_handler_of_the_users_has_the_last_word_on_an_error(tmp_path):
    it = Setup(tmp_path)
    Watch("mine", optimizer=it.optimizer, home=tmp_path).attach(it.trainer)
    caught: list[BaseException] = []

    @it.trainer.on(Events.ITERATION_COMPLETED(once=6))
    def fail() -> None:
        raise ValueError("no more data")

    @it.trainer.on(Events.EXCEPTION_RAISED)
    def swallow(_: Any, error: BaseException) -> None:
        caught.append(error)

    it.run(3)
    assert [str(error) for error in caught] == ["no more data"]
    assert ending(tmp_path) == ("finished", None)


def test_a_bound_in_iterations_is_told_in_epochs(tmp_path):
    it = Setup(tmp_path)
    Watch("mine", optimizer=it.optimizer, home=tmp_path).attach(it.trainer)
    it.trainer.run(it.data, max_iters=2 * BATCHES + 1)
    assert line(tmp_path, "start")["epochs"] == 3
