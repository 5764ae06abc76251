"""Lightning's own Trainer, watched."""

import statistics
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader, TensorDataset

from tests.watch.epochs import ending, lrs, metrics, plateau_lrs
from tests.watch.spools import ask, line, lines

pl: Any = pytest.importorskip("lightning.pytorch")

from trainer.watch import WatchWarning  # noqa: E402
from trainer.watch.lightning import Watch  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore", "error::trainer.watch.scope.WatchWarning"),
    pytest.mark.usefixtures("looks_always"),
]

LR = 0.1
VAL_LOSSES = [1.0, 0.5, 0.6, 0.7, 0.4, 0.45]
BATCHES = 5
PLATEAU = partial(ReduceLROnPlateau, factor=0.5, patience=0)


class Net(pl.LightningModule):
    """Its validation loss is that of VAL_LOSSES."""

    def __init__(self, on_step: bool = False, by_plateau: bool = True, fails_in: int = -1) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
        self.on_step, self.by_plateau, self.fails_in = on_step, by_plateau, fails_in
        self.losses: list[list[float]] = []
        self.lrs: list[float] = []

    def on_train_epoch_start(self) -> None:
        self.losses.append([])

    def training_step(self, batch: Any) -> Any:
        if self.current_epoch == self.fails_in:
            raise ValueError("no more data")
        loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
        self.losses[-1].append(loss.item())
        self.lrs.append(self.optimizers().param_groups[0]["lr"])
        self.log("train_loss", loss, on_step=self.on_step, on_epoch=not self.on_step)
        return loss

    def validation_step(self, *_: Any) -> None:
        self.log("val_loss", 77.0 if self.trainer.sanity_checking else VAL_LOSSES[self.epoch])

    @property
    def epoch(self) -> int:
        return int(self.current_epoch)

    def on_train_epoch_end(self) -> None:
        self.log("last", float(self.epoch))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=LR)
        if not self.by_plateau:
            return [optimizer], [StepLR(optimizer, 2)]
        rule = {"scheduler": PLATEAU(optimizer), "monitor": "val_loss"}
        return {"optimizer": optimizer, "lr_scheduler": rule}


def fit(net: Any, home: Path, *callbacks: Any, control: bool = False, **settings: Any) -> Any:
    """The trainer after `fit`."""
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(4 * BATCHES, 4), torch.randn(4 * BATCHES, 1))
    loader = DataLoader(data, batch_size=4)
    trainer = pl.Trainer(
        **{"max_epochs": len(VAL_LOSSES), **settings},
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Watch("mine", control=control, home=home), *callbacks],
    )
    trainer.fit(net, loader, loader)
    return trainer


class Asks(pl.Callback):
    """Asks for something at the end of a batch of an epoch, both from 0."""

    def __init__(self, home: Path, epoch: int, batch: int, name: str, value: float | None = None):
        self.at = epoch, batch
        self.asked = home, name, value

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if (trainer.current_epoch, trainer.fit_loop.epoch_loop.batch_idx) == self.at:
            ask(*self.asked)


def test_each_epoch_has_what_was_logged_in_it_and_the_lr_that_was_used(tmp_path):
    net = Net()
    fit(net, tmp_path)
    start = line(tmp_path, "start")
    assert (start["name"], start["epochs"], start["batches"]) == ("mine", 6, BATCHES)
    assert (start["monitor"], start["scheduler"]["class"]) == ("val_loss", "ReduceLROnPlateau")
    found = metrics(tmp_path)
    assert [set(epoch) for epoch in found] == [{"train_loss", "val_loss", "last"}] * 6
    assert [epoch["val_loss"] for epoch in found] == pytest.approx(VAL_LOSSES)
    means = [statistics.fmean(losses) for losses in net.losses]
    assert [epoch["train_loss"] for epoch in found] == pytest.approx(means)
    assert [epoch["last"] for epoch in found] == [0, 1, 2, 3, 4, 5]
    assert lrs(tmp_path) == net.lrs[::BATCHES]
    assert lrs(tmp_path) == plateau_lrs(VAL_LOSSES, LR, PLATEAU)
    assert ending(tmp_path) == ("finished", None)


def test_each_decision_of_the_plateau_rule_stands_at_its_epoch(tmp_path):
    fit(Net(), tmp_path)
    epochs = lines(tmp_path, "epoch")
    assert [epoch["stepped"] for epoch in epochs] == [1] * 6
    assert [epoch["step"]["metric"] for epoch in epochs] == pytest.approx(VAL_LOSSES)
    assert [epoch["batches"] for epoch in epochs] == [BATCHES] * 6
    bad = [epoch["step"]["after"]["state"]["num_bad_epochs"] for epoch in epochs]
    assert bad[:2] == [0, 0]


def test_a_schedule_that_steps_before_the_epoch_ends_stands_at_it_too(tmp_path):
    net = Net(by_plateau=False)
    fit(net, tmp_path)
    assert lrs(tmp_path) == net.lrs[::BATCHES]
    assert lrs(tmp_path) == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])
    assert [epoch["stepped"] for epoch in lines(tmp_path, "epoch")] == [1] * 6


def test_epochs_without_validation_have_none_of_an_earlier_one(tmp_path):
    fit(Net(by_plateau=False), tmp_path, check_val_every_n_epoch=2)
    assert ["val_loss" in epoch for epoch in metrics(tmp_path)] == [False, True] * 3


def test_a_loss_that_was_logged_by_the_step_is_the_mean_over_the_batches(tmp_path):
    net = Net(on_step=True)
    fit(net, tmp_path, accumulate_grad_batches=2)
    told = [epoch["train_loss"] for epoch in metrics(tmp_path)]
    assert told == pytest.approx([statistics.fmean(losses) for losses in net.losses])
    (*_, last) = lines(tmp_path, "epoch")
    for batch, loss, lr in last["trace"]:
        assert (loss, lr) == (pytest.approx(net.losses[-1][batch]), net.lrs[-1])


def test_stop_ends_fit_and_leaves_out_the_epoch_that_it_cut_short(tmp_path):
    net = Net()
    trainer = fit(net, tmp_path, Asks(tmp_path, 2, 1, "stop"))
    assert trainer.should_stop
    assert len(net.lrs) < 4 * BATCHES
    assert [epoch["epoch"] for epoch in lines(tmp_path, "epoch")] == [1, 2]
    assert ending(tmp_path) == ("stopped", None)


@pytest.mark.parametrize("by_plateau", [True, False])
def test_an_lr_set_by_hand_is_that_of_the_next_batch(tmp_path, by_plateau):
    net = Net(by_plateau=by_plateau)
    fit(net, tmp_path, Asks(tmp_path, 1, 1, "lr", 0.0625), control=True)
    changed = line(tmp_path, "intervened")
    assert (changed["epoch"], changed["lr_before"], changed["lr_after"]) == (2, LR, 0.0625)
    first = BATCHES + changed["batch"]
    assert net.lrs[first - 1 : first + 1] == [LR, 0.0625]
    assert LR not in net.lrs[first:]


def test_without_control_an_lr_cannot_be_set_by_hand(tmp_path):
    net = Net()
    fit(net, tmp_path, Asks(tmp_path, 1, 1, "lr", 0.0625))
    assert 0.0625 not in net.lrs
    assert line(tmp_path, "controls")["controls"] == ["stop"]
    assert "control=True" in line(tmp_path, "refused")["reason"]


def test_an_error_ends_the_run_as_failed_and_reaches_the_user(tmp_path):
    with pytest.raises(ValueError, match="no more data"):
        fit(Net(fails_in=1), tmp_path)
    assert ending(tmp_path) == ("failed", "ValueError: no more data")


def test_a_bound_in_steps_is_told_in_epochs(tmp_path):
    fit(Net(by_plateau=False), tmp_path, max_epochs=-1, max_steps=BATCHES * 2 + 1)
    assert line(tmp_path, "start")["epochs"] == 3
    assert len(lines(tmp_path, "epoch")) == 3


def test_a_trial_run_of_one_batch_is_not_recorded(tmp_path):
    fit(Net(), tmp_path, fast_dev_run=True)
    assert not (tmp_path / "watched").exists()


def test_where_nothing_can_be_written_the_training_goes_on(tmp_path):
    home = tmp_path / "a file"
    home.touch()
    net = Net()
    with pytest.warns(WatchWarning) as told:
        fit(net, home)
    assert len([warning for warning in told if warning.category is WatchWarning]) == 1
    assert len(net.lrs) == 6 * BATCHES
