"""ignite's trainings on the scope: `Watch("my run", optimizer=optimizer).attach(trainer)`."""

import math
from collections.abc import Mapping
from os import PathLike
from typing import Any, Self

from ignite.engine import Engine, Events
from ignite.handlers.param_scheduler import BaseParamScheduler

from .callback import Callback, Mean, numbers_of, opening, watching
from .scope import Scope


class Watch(Callback):
    """Watches the runs of an engine that trains.

        watch = Watch("my run", scheduler=scheduler)
        watch.attach(trainer, val=evaluator)

    The metrics of an epoch are those of the engines: what `evaluator` computes as `loss` becomes
    `val_loss`, by the keyword that it is given with; the trainer's own begin with `train_`. If no
    `train_loss` is among them, it is the mean over the batches' losses. These are the trainer's
    outputs if they are numbers, or what they have as `loss`. Stop calls `trainer.terminate()`; an
    epoch that it cut short is left out.

    Args:
        scheduler: torch's, which your handlers step, or ignite's ReduceLROnPlateauScheduler. Of
            another parameter scheduler of ignite's only what it does to the LR is shown: give the
            optimizer.
        optimizer: the scheduler's if not given.
    """

    def __init__(
        self,
        name: str,
        *,
        scheduler: Any = None,
        optimizer: Any = None,
        monitor: str | None = None,
        control: bool = False,
        home: str | PathLike[str] | None = None,
    ) -> None:
        super().__init__(name, monitor=monitor, control=control, home=home)
        self.scheduler = scheduler
        self.optimizer = optimizer

    def attach(self, trainer: Engine, **evaluators: Engine) -> Self:
        """Watch that engine's runs, with the metrics of those that evaluate."""
        handlers = {
            Events.STARTED: self._start,
            Events.ITERATION_COMPLETED: self._end_batch,
            Events.EPOCH_COMPLETED: self._complete_epoch,
            # Not sooner: other handlers of the epoch's end evaluate, and step the scheduler.
            Events.EPOCH_STARTED: self._end_epoch,
            Events.TERMINATE: self._end,
            Events.COMPLETED: self._end,
            Events.EXCEPTION_RAISED: self._fail,
        }
        for event, handler in handlers.items():
            trainer.add_event_handler(event, handler)
        for name, evaluator in evaluators.items():
            evaluator.add_event_handler(Events.COMPLETED, self._evaluate, name)
        return self

    @opening
    def _start(self, trainer: Engine) -> None:
        self.losses_ = Mean()
        self.metrics_: dict[str, float] = {}
        self.is_due_ = False  # whether there is an epoch to write
        scheduler, optimizer = self.scheduler, self.optimizer
        if isinstance(scheduler, BaseParamScheduler):
            optimizer = optimizer or getattr(scheduler, "optimizer", None)
            scheduler = getattr(scheduler, "scheduler", None)
        self.open_scope(
            scheduler=scheduler,
            optimizer=optimizer,
            epochs=_planned(trainer),
            batches=trainer.state.epoch_length,
        )

    @watching
    def _end_batch(self, scope: Scope, trainer: Engine) -> None:
        loss = _loss(trainer.state.output)
        if loss is not None:
            self.losses_.add(loss)
        scope.batch(loss)
        _stop_if_asked(scope, trainer)

    @watching
    def _evaluate(self, _: Scope, evaluator: Engine, name: str) -> None:
        self.metrics_ |= _metrics(name, evaluator)

    @watching
    def _complete_epoch(self, scope: Scope, trainer: Engine) -> None:
        self.is_due_ = True
        _stop_if_asked(scope, trainer)

    @watching
    def _end_epoch(self, scope: Scope, trainer: Engine) -> None:
        """Write the epoch that is over, if any."""
        if self.is_due_:
            metrics, self.metrics_ = self.metrics_ | _metrics("train", trainer), {}
            mean = self.losses_.take()
            if mean is not None:
                metrics.setdefault("train_loss", mean)
            self.is_due_ = False
            scope.epoch(**metrics)

    @watching
    def _end(self, _: Scope, trainer: Engine) -> None:
        self._end_epoch(trainer)
        self.close_scope()

    def _fail(self, trainer: Engine, error: BaseException) -> None:
        # Beside handlers of the user's, these say whether it ends the run. Alone, it must not keep
        # the error from the user, as any handler does that returns.
        if len(trainer._event_handlers[Events.EXCEPTION_RAISED]) == 1:
            self.fail_scope(error)
            raise error


def _loss(output: Any) -> Any:
    """The loss in a trainer's output, None if there is none to be told."""
    if isinstance(output, Mapping):
        output = output.get("loss")
    if hasattr(output, "detach"):
        return output.detach() if output.ndim == 0 else None
    return output if isinstance(output, int | float) else None


def _metrics(prefix: str, engine: Engine) -> dict[str, float]:
    return numbers_of(
        (name if name.startswith(f"{prefix}_") else f"{prefix}_{name}", value)
        for name, value in engine.state.metrics.items()
    )


def _stop_if_asked(scope: Scope, trainer: Engine) -> None:
    if scope.stopping:
        trainer.terminate()


def _planned(trainer: Engine) -> int | None:
    """The epochs that are still to come, None if that is not known."""
    state = trainer.state
    if state.max_epochs is not None:
        return int(state.max_epochs - state.epoch)
    if state.max_iters is not None and state.epoch_length:
        left = int(state.max_iters) - int(state.iteration)
        return math.ceil(left / int(state.epoch_length))
    return None
