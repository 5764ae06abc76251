"""The trainings of transformers on the scope: `Trainer(callbacks=[Watch("my run")])`."""

import math
import sys
from collections.abc import Mapping
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import IntervalStrategy

from .callback import Callback, numbers_of, opening, watching
from .scope import Scope

# What is logged beside metrics: times, and what the scope knows itself.
_TIMES = ("_runtime", "_per_second", "_time")
_OTHERS = frozenset(
    ["epoch", "grad_norm", "learning_rate", "loss", "num_input_tokens_seen", "step", "total_flos"]
)


class Watch(Callback, TrainerCallback):
    """Watches `Trainer.train`.

    What an epoch is: with `eval_strategy="steps"`, all steps up to an evaluation, since that is
    when metrics come and a plateau rule decides; otherwise a pass over the data, of which the last
    may be a part. So a training of less than one pass, without evaluations, is one epoch.

    `loss` becomes `train_loss`: the mean, by steps, of what was logged since the last epoch. There
    is none if nothing was: `logging_strategy="epoch"` or few `logging_steps` help. `eval_loss`
    becomes `val_loss`, and so on. The losses within an epoch are those that were logged, each the
    mean over its steps: to read another would wait for the device. Stop sets
    `control.should_training_stop`. A resumed training is another run. transformers tells a callback
    of no error: a training that failed is shown so when its process or its Trainer is gone.
    """

    @opening
    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        _: TrainerControl,
        optimizer: Any = None,
        lr_scheduler: Any = None,
        **others: Any,
    ) -> None:
        self.by_steps_ = args.eval_strategy == IntervalStrategy.STEPS
        self.began_ = self.logged_ = state.global_step
        self.loss_, self.losses_ = 0.0, 0  # summed over the steps that were logged; their count
        self.metrics_: dict[str, float] = {}
        self.is_due_ = self.is_awaited_ = False  # an epoch to write; a batch whose loss will come
        metric = args.metric_for_best_model or "loss"
        evaluates = args.eval_strategy != IntervalStrategy.NO
        self.open_scope(
            scheduler=lr_scheduler,
            optimizer=getattr(optimizer, "optimizer", optimizer),  # without accelerate's wrapper
            epochs=_evaluations(args, state) if self.by_steps_ else _passes(state),
            batches=state.eval_steps if self.by_steps_ else _steps(args, **others),
            monitor=f"val_{metric.removeprefix('eval_')}" if evaluates else None,
        )

    @watching
    def on_step_end(
        self, scope: Scope, _: Any, __: Any, control: TrainerControl, **___: Any
    ) -> None:
        self.is_awaited_ = control.should_log
        if not self.is_awaited_:
            scope.batch(None)
        _stop_if_asked(scope, control)

    @watching
    def on_log(
        self,
        scope: Scope,
        _: Any,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any],
        **__: Any,
    ) -> None:
        if "loss" in logs:
            steps, self.logged_ = state.global_step - self.logged_, state.global_step
            self.loss_ += logs["loss"] * steps
            self.losses_ += steps
            self._end_batch(scope, logs["loss"])
            _stop_if_asked(scope, control)
        if "train_runtime" not in logs:  # the summary at the end
            others = [item for item in logs.items() if item[0] not in _OTHERS]
            self.metrics_ |= _metrics(others)

    @watching
    def on_evaluate(
        self,
        scope: Scope,
        _: Any,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, Any],
        **__: Any,
    ) -> None:
        if state.global_step == self.began_:  # eval_on_start
            self.metrics_ = {}
            return
        self.metrics_ |= _metrics(item for item in metrics.items() if item[0] not in _OTHERS)
        self.is_due_ = self.is_due_ or self.by_steps_
        _stop_if_asked(scope, control)

    @watching
    def on_epoch_end(
        self, scope: Scope, _: Any, __: Any, control: TrainerControl, **___: Any
    ) -> None:
        self.is_due_ = self.is_due_ or not self.by_steps_
        _stop_if_asked(scope, control)

    # An epoch is written as the next begins: then its loss is logged, all of its evaluations are
    # made, and the plateau rule has decided.

    @watching
    def on_step_begin(self, scope: Scope, *_: Any, **__: Any) -> None:
        self._end_batch(scope, None)
        self._end_epoch(scope)

    @watching
    def on_epoch_begin(self, scope: Scope, *_: Any, **__: Any) -> None:
        self._end_epoch(scope)

    @watching
    def on_train_end(self, scope: Scope, *_: Any, **__: Any) -> None:
        self._end_epoch(scope)
        self.close_scope()

    def _end_batch(self, scope: Scope, loss: float | None) -> None:
        if self.is_awaited_:
            self.is_awaited_ = False
            scope.batch(loss)

    def _end_epoch(self, scope: Scope) -> None:
        """Write the epoch that is over, if any."""
        if not self.is_due_:
            return
        metrics, self.metrics_ = self.metrics_, {}
        if self.losses_:
            metrics["train_loss"] = self.loss_ / self.losses_
        self.loss_, self.losses_, self.is_due_ = 0.0, 0, False
        if metrics or not scope.stopping:
            scope.epoch(**metrics)


def _named(name: str) -> str:
    return f"val_{name.removeprefix('eval_')}" if name.startswith("eval_") else name


def _metrics(entries: Any) -> dict[str, float]:
    return numbers_of((_named(name), v) for name, v in entries if not name.endswith(_TIMES))


def _stop_if_asked(scope: Scope, control: TrainerControl) -> None:
    if scope.stopping:
        control.should_training_stop = True


def _evaluations(args: TrainingArguments, state: TrainerState) -> int:
    """How many evaluations are still to come: every so many steps, and after the last one."""
    every = int(state.eval_steps)
    first = max(float(args.eval_delay), float(state.global_step) + 1)
    return math.ceil(int(state.max_steps) / every) - math.ceil(first / every) + 1


def _passes(state: TrainerState) -> int | None:
    """How many passes over the data are still to come, None if that is not known."""
    if state.num_train_epochs >= sys.maxsize:
        return None
    return math.ceil(float(state.num_train_epochs) - (state.epoch or 0.0))


def _steps(args: TrainingArguments, train_dataloader: Any = None, **_: Any) -> int | None:
    """The steps of a pass over the data, None if that is not known."""
    try:
        return math.ceil(len(train_dataloader) / int(args.gradient_accumulation_steps))
    except TypeError:
        return None
