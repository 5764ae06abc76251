"""The Trainer of transformers, watched, with a tiny model that is made on the spot."""

import gc
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from tests.watch.epochs import ending, lrs, metrics, plateau_lrs
from tests.watch.spools import ask, line, lines

transformers: Any = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from trainer.watch.transformers import Watch  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore", "error::trainer.watch.scope.WatchWarning"),
    pytest.mark.usefixtures("looks_always"),
]

LR = 0.05
STEPS = 5  # of a pass over the data


class Seen(transformers.TrainerCallback):
    """What the Trainer itself says: the LR of each step, and whatever is logged."""

    def __init__(self, home: Path, ask_at: int = -1, *asked: Any, fails_at: int = -1) -> None:
        self.home, self.ask_at, self.asked, self.fails_at = home, ask_at, asked, fails_at
        self.lrs: list[float] = []
        self.logs: list[dict[str, float]] = []

    def on_pre_optimizer_step(self, *_: Any, optimizer: Any, **__: Any) -> None:
        self.lrs.append(optimizer.param_groups[0]["lr"])

    def on_step_end(self, _: Any, state: Any, __: Any, **___: Any) -> None:
        if state.global_step == self.ask_at:
            ask(self.home, *self.asked)
        if state.global_step == self.fails_at:
            raise ValueError("no more data")

    def on_log(self, _: Any, state: Any, __: Any, logs: dict[str, float], **___: Any) -> None:
        self.logs.append({**logs, "step": state.global_step})


def trained(
    home: Path,
    *asked: Any,
    control: bool = False,
    evaluates: Any = None,
    fails_at: int = -1,
    **settings: Any,
) -> Any:
    """What was seen of a training, and the Trainer after it."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=16, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, max_position_embeddings=8,
    )  # fmt: skip
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    data = [{"input_ids": torch.arange(4) + i % 9, "labels": i % 2} for i in range(4 * STEPS)]
    arguments = {
        "output_dir": str(home / "out"),
        "use_cpu": True,
        "report_to": "none",
        "disable_tqdm": True,
        "save_strategy": "no",
        "per_device_train_batch_size": 4,
        "learning_rate": LR,
        "num_train_epochs": 4,
        "eval_strategy": "epoch",
        "logging_strategy": "epoch",
    }
    seen = Seen(home, *asked, fails_at=fails_at)
    trainer = transformers.Trainer(
        model,
        transformers.TrainingArguments(**{**arguments, **settings}),
        train_dataset=data,
        eval_dataset=evaluates or data,
        callbacks=[seen, Watch("mine", control=control, home=home)],
    )
    trainer.train()
    return seen, trainer


def test_each_epoch_has_the_losses_that_were_logged_and_the_lr_that_was_used(tmp_path):
    seen, _ = trained(tmp_path)
    start = line(tmp_path, "start")
    assert (start["name"], start["epochs"], start["batches"]) == ("mine", 4, STEPS)
    assert (start["optimizer"]["class"], start["scheduler"]["class"]) == ("AdamW", "LambdaLR")
    losses = [log["loss"] for log in seen.logs if "loss" in log]
    evaluated = [log["eval_loss"] for log in seen.logs if "eval_loss" in log]
    assert metrics(tmp_path) == [
        {"train_loss": train, "val_loss": val} for train, val in zip(losses, evaluated, strict=True)
    ]
    assert lrs(tmp_path) == seen.lrs[::STEPS]
    epochs = lines(tmp_path, "epoch")
    assert [epoch["lr_last"] for epoch in epochs] == seen.lrs[STEPS - 1 :: STEPS]
    assert [(epoch["stepped"], epoch["batches"]) for epoch in epochs] == [(STEPS, STEPS)] * 4
    assert ending(tmp_path) == ("finished", None)


def test_evaluation_by_steps_makes_an_epoch_of_each(tmp_path):
    seen, _ = trained(
        tmp_path, eval_strategy="steps", eval_steps=3, logging_strategy="steps", logging_steps=1,
        max_steps=10,
    )  # fmt: skip
    assert line(tmp_path, "start")["epochs"] == 4
    epochs = lines(tmp_path, "epoch")
    assert [epoch["batches"] for epoch in epochs] == [3, 3, 3, 1]
    losses = [log["loss"] for log in seen.logs if "loss" in log]
    means = [statistics.fmean(losses[i : i + 3]) for i in (0, 3, 6, 9)]
    assert [epoch["metrics"]["train_loss"] for epoch in epochs] == pytest.approx(means)
    evaluated = [log["eval_loss"] for log in seen.logs if "eval_loss" in log]
    assert [epoch["metrics"]["val_loss"] for epoch in epochs] == evaluated


def test_a_plateau_rule_decides_at_each_evaluation(tmp_path):
    rule: dict[str, Any] = {"factor": 0.5, "patience": 0, "threshold": 0.5}
    seen, _ = trained(
        tmp_path, lr_scheduler_type="reduce_lr_on_plateau", lr_scheduler_kwargs=rule,
        metric_for_best_model="loss", eval_strategy="steps", eval_steps=3, max_steps=15,
    )  # fmt: skip
    assert line(tmp_path, "start")["monitor"] == "val_loss"
    epochs = lines(tmp_path, "epoch")
    losses = [epoch["metrics"]["val_loss"] for epoch in epochs]
    assert [epoch["step"]["metric"] for epoch in epochs] == losses
    assert [epoch["stepped"] for epoch in epochs] == [1] * 5
    wanted = plateau_lrs(losses, LR, partial(ReduceLROnPlateau, **rule))
    assert lrs(tmp_path) == seen.lrs[::3] == wanted
    assert len(set(wanted)) > 1


def test_without_evaluation_each_pass_is_an_epoch_and_the_last_may_be_a_part(tmp_path):
    seen, _ = trained(
        tmp_path, eval_strategy="no", num_train_epochs=1.6, logging_strategy="steps",
        logging_steps=2,
    )  # fmt: skip
    epochs = lines(tmp_path, "epoch")
    assert line(tmp_path, "start")["epochs"] == len(epochs) == 2
    assert [epoch["batches"] for epoch in epochs] == [5, 3]
    losses = {log["step"]: log["loss"] for log in seen.logs if "loss" in log}
    assert sorted(losses) == [2, 4, 6, 8]
    means = [(losses[2] + losses[4]) / 2, (losses[6] + losses[8]) / 2]
    assert [epoch["metrics"]["train_loss"] for epoch in epochs] == pytest.approx(means)


def test_the_losses_within_an_epoch_are_those_that_were_logged(tmp_path):
    seen, _ = trained(tmp_path, logging_strategy="steps", logging_steps=1, num_train_epochs=1)
    losses = [log["loss"] for log in seen.logs if "loss" in log]
    (epoch,) = lines(tmp_path, "epoch")
    assert epoch["trace"]
    for batch, loss, lr in epoch["trace"]:
        assert (loss, lr) == (losses[batch], seen.lrs[batch])


def test_several_sets_are_evaluated_in_one_epoch(tmp_path):
    data = [{"input_ids": torch.arange(4), "labels": 0}] * 4
    trained(tmp_path, evaluates={"a": data, "b": data}, num_train_epochs=2)
    assert [set(epoch) for epoch in metrics(tmp_path)] == [
        {"train_loss", "val_a_loss", "val_b_loss"}
    ] * 2


def test_an_evaluation_before_the_first_step_and_one_after_the_last_are_left_out(tmp_path):
    _, trainer = trained(tmp_path, eval_on_start=True, num_train_epochs=1)
    trainer.evaluate()
    losses = [log["eval_loss"] for log in trainer.state.log_history if "eval_loss" in log]
    (epoch,) = metrics(tmp_path)
    assert len(losses) == 3
    assert epoch["val_loss"] == losses[1] != losses[0]


def test_stop_ends_the_training_by_the_trainers_own_switch(tmp_path):
    seen, trainer = trained(tmp_path, 7, "stop")
    assert trainer.control.should_training_stop
    assert len(seen.lrs) < 2 * STEPS
    assert ending(tmp_path) == ("stopped", None)


def test_an_lr_set_by_hand_is_that_of_the_next_step_and_the_schedule_goes_on_from_it(tmp_path):
    seen, _ = trained(tmp_path, 7, "scale", 0.5, control=True)
    changed = line(tmp_path, "intervened")
    assert (changed["epoch"], changed["batch"]) == (2, 2)
    plain = [LR * (1 - step / 20) for step in range(20)]
    assert seen.lrs == pytest.approx(plain[:7] + [lr / 2 for lr in plain[7:]])


def test_an_error_leaves_the_scope_when_the_trainer_is_gone(tmp_path):
    with pytest.raises(ValueError, match="no more data"):
        trained(tmp_path, fails_at=7)
    gc.collect()
    assert ending(tmp_path)[0] == "stopped"
