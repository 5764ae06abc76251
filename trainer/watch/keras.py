"""Keras's trainings on the scope: `model.fit(..., callbacks=[Watch("my run")])`."""

from collections.abc import Callable
from typing import Any, Self

from keras import ops
from keras.callbacks import Callback as KerasCallback

from .by_hand import RefusedError
from .callback import Callback, numbers_of, opening, watching
from .scope import Scope


class Watch(Callback, KerasCallback):
    """Watches `fit`, with the PyTorch backend.

    The metrics of an epoch are Keras's own: `loss` becomes `train_loss`, `accuracy` becomes
    `train_accuracy`; `val_loss` and the like keep their names. The LR is the optimizer's, whoever
    sets it: what a callback of Keras's or a schedule in the optimizer does is shown as what it did
    to the LR. A schedule in the optimizer lets nobody set the LR. Stop sets
    `model.stop_training`; Keras then validates what the epoch has come to, and it counts. Keras
    tells a callback of no error: a training that failed is shown so when its process or its
    callback is gone.
    """

    @opening
    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.is_begun_ = self.is_training_ = False
        self.logs_: dict[str, Any] | None = None  # of an epoch that is to be written
        self.before_: tuple[Any, Any] | None = None  # the sums of the losses and of their weights

    @opening
    def on_epoch_begin(self, epoch: int, *_: Any, **__: Any) -> None:
        self.before_ = None
        if not self.is_begun_:
            self.is_begun_ = True
            self.optimizer_ = _adapted(self.model.optimizer)
            self.open_scope(
                optimizer=self.optimizer_,
                epochs=self.params["epochs"] - epoch,
                batches=self.params["steps"],
            )

    # A batch is known to be over by what comes after it: Keras calls a callback that has
    # `on_train_batch_end` only with logs, which it waits for the device to read.

    @watching
    def on_train_batch_begin(self, scope: Scope, *_: Any, **__: Any) -> None:
        self._end_batch(scope)
        self._end_epoch(scope)  # not sooner: callbacks after this one set the LR, too
        self.is_training_ = True
        self.optimizer_.steps()

    @watching
    def on_test_begin(self, scope: Scope, *_: Any, **__: Any) -> None:
        self._end_batch(scope)

    @watching
    def on_epoch_end(self, scope: Scope, _: int, logs: dict[str, Any] | None = None) -> None:
        self._end_batch(scope)
        self.logs_ = dict(logs or {})
        self._stop_if_asked(scope)

    @watching
    def on_train_end(self, scope: Scope, *_: Any, **__: Any) -> None:
        self._end_epoch(scope)
        self.close_scope()

    def _end_batch(self, scope: Scope) -> None:
        """The batch under way is over, if any."""
        if self.is_training_:
            self.is_training_ = False
            scope.batch(self._loss())
            self._stop_if_asked(scope)

    def _end_epoch(self, scope: Scope) -> None:
        """Write the epoch that is over, if any."""
        logs, self.logs_ = self.logs_, None
        if logs is not None:
            metrics = ((_named(k), v) for k, v in logs.items() if not k.startswith("learning_rate"))
            scope.epoch(**numbers_of(metrics))

    def _stop_if_asked(self, scope: Scope) -> None:
        if scope.stopping:
            self.model.stop_training = True

    def _loss(self) -> Any:
        """The last batch's loss, from the sums that Keras keeps over the epoch, since it tells only
        their mean. It stays on its device. None if Keras does not keep it.
        """
        tracker: Any = next((one for one in self.model.metrics if one.name == "loss"), None)
        if not hasattr(tracker, "total") or not hasattr(tracker, "count"):
            return None
        sums = tracker.total.value.detach().clone(), tracker.count.value.detach().clone()
        before, self.before_ = self.before_ or (0.0, 0.0), sums
        return (sums[0] - before[0]) / (sums[1] - before[1])


def _named(name: str) -> str:
    return name if name.startswith("val_") else f"train_{name}"


class _Optimizer:
    """A Keras optimizer as the scope looks at one of torch's."""

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._hook: Callable[..., None] | None = None
        self._settings = {
            name: value
            for name, value in optimizer.get_config().items()
            if name != "learning_rate" and isinstance(value, bool | int | float)
        }

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        rate = self._optimizer.learning_rate
        if hasattr(rate, "assign"):  # a variable; to fill its tensor is to set it
            return [{"lr": rate.value, **self._settings}]
        return [{"lr": _Computed(ops.convert_to_tensor(rate)), **self._settings}]

    def register_step_pre_hook(self, hook: Callable[..., None]) -> "_Optimizer":
        self._hook = hook
        return self

    def remove(self) -> None:
        """Call the hook no more."""
        self._hook = None

    def steps(self) -> None:
        """It is about to step."""
        if self._hook is not None:
            self._hook(self)


class _Computed:
    """An LR that a schedule works out: a tensor to read."""

    def __init__(self, lr: Any) -> None:
        self._lr = lr

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lr, name)

    def detach(self) -> Self:
        return self

    def fill_(self, _: float) -> None:
        raise RefusedError(
            "The learning rate comes from a schedule in the optimizer: Keras lets nobody set it."
        )


def _adapted(optimizer: Any) -> _Optimizer:
    """The optimizer for the scope, called by its own name."""
    kind = type(optimizer)
    named = type(kind.__name__, (_Optimizer,), {"__module__": kind.__module__})
    adapted: _Optimizer = named(optimizer)
    return adapted
