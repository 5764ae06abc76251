"""Lightning's trainings on the scope: `Trainer(callbacks=[Watch("my run")])`."""

import math
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback as LightningCallback
from lightning.pytorch import Trainer

from .callback import Callback, Mean, numbers_of, opening, watching
from .scope import Scope


class Watch(Callback, LightningCallback):
    """Watches `Trainer.fit`: the first optimizer, and its scheduler.

    The metrics of an epoch are what the module logged in it, by name; what is logged for steps and
    epochs is the epoch's. A metric logged by the step alone is that of the last batch, as Lightning
    keeps it, but for `train_loss`, which is then the mean over the batches. Validation within an
    epoch: the last one counts. The sanity check is left out, and so are `fast_dev_run` and an
    epoch that Stop cut short. Stop sets `trainer.should_stop`.
    """

    @opening
    def on_train_start(self, trainer: Trainer, *_: Any) -> None:
        if trainer.fast_dev_run:
            return
        self.losses_ = Mean()
        self.last_: Any = None  # the last batch's loss
        self.batches_ = 0
        self.seen_ = dict(trainer.callback_metrics)
        config = next(iter(trainer.lr_scheduler_configs), None)
        self.open_scope(
            scheduler=config and config.scheduler,
            optimizer=next(iter(trainer.optimizers), None) if config is None else None,
            epochs=_planned(trainer),
            batches=_batches(trainer),
            monitor=config.monitor if config and config.reduce_on_plateau else None,
        )

    @watching
    def on_train_batch_end(
        self, scope: Scope, trainer: Trainer, module: Any, outputs: Any, *_: Any
    ) -> None:
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        self.batches_ += 1
        if loss is not None:
            loss = loss.detach()
            if module.automatic_optimization and trainer.accumulate_grad_batches > 1:
                loss = loss * trainer.accumulate_grad_batches  # Lightning has divided it by them
            self.losses_.add(loss)
        self.last_ = loss
        scope.batch(loss)
        _stop_if_asked(scope, trainer)

    @watching
    def on_validation_end(self, scope: Scope, trainer: Trainer, *_: Any) -> None:
        if not trainer.sanity_checking:
            _stop_if_asked(scope, trainer)

    @watching
    def on_train_epoch_start(self, scope: Scope, trainer: Trainer, *_: Any) -> None:
        # Not sooner: the module's own on_train_epoch_end, which may log, comes after a callback's.
        self._end_epoch(scope, trainer)

    @watching
    def on_train_end(self, scope: Scope, trainer: Trainer, *_: Any) -> None:
        self._end_epoch(scope, trainer)
        self.close_scope()

    @watching
    def on_exception(self, _: Scope, __: Trainer, ___: Any, exception: BaseException) -> None:
        self.fail_scope(exception)

    def _end_epoch(self, scope: Scope, trainer: Trainer) -> None:
        """Write the epoch that is over, if any."""
        is_cut = scope.stopping and self.batches_ < trainer.num_training_batches
        if not self.batches_ or is_cut:
            return
        logged = dict(trainer.callback_metrics)
        # A metric that was not logged again is the same tensor as before.
        new = {name: value for name, value in logged.items() if value is not self.seen_.get(name)}
        self.seen_ = logged
        metrics = numbers_of(item for item in new.items() if _is_wanted(item[0], new))
        mean, last = self.losses_.take(), numbers_of([("loss", self.last_)]).get("loss", math.nan)
        told = metrics.get("train_loss")
        if mean is not None and (told is None or math.isclose(told, last, rel_tol=1e-6)):
            metrics["train_loss"] = mean
        self.batches_ = 0
        scope.epoch(**metrics)


def _is_wanted(name: str, names: Mapping[str, Any]) -> bool:
    """Whether it is a metric, neither another's value by the step or epoch nor an LR."""
    bare, _, interval = name.rpartition("_")
    return not (interval in ("step", "epoch") and bare in names) and not name.startswith("lr-")


def _stop_if_asked(scope: Scope, trainer: Trainer) -> None:
    if scope.stopping:
        trainer.should_stop = True


def _batches(trainer: Trainer) -> int | None:
    count = trainer.num_training_batches
    return int(count) if math.isfinite(count) else None


def _planned(trainer: Trainer) -> int | None:
    """The epochs that are still to come, None if that is not known."""
    epochs, steps, batches = trainer.max_epochs, trainer.max_steps, _batches(trainer)
    bounds = [] if epochs is None or epochs < 0 else [epochs - trainer.current_epoch]
    if steps >= 0 and batches:
        left = (steps - trainer.global_step) * trainer.accumulate_grad_batches
        bounds.append(math.ceil(left / batches))
    return min(bounds, default=None)
