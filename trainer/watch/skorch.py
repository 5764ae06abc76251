"""skorch's trainings on the scope: `NeuralNetClassifier(..., callbacks=[Watch("my run")])`."""

from typing import Any

from skorch.callbacks import Callback as SkorchCallback
from skorch.callbacks import LRScheduler

from .callback import Callback, numbers_of, opening, watching
from .scope import Scope

# Of a row of the history: what is no metric.
_OTHERS = ("epoch", "dur", "train_batch_count", "valid_batch_count")


class Watch(Callback, SkorchCallback):
    """Watches `fit` and `partial_fit`: the net's optimizer, and the scheduler of its callback
    LRScheduler if it has one.

    The metrics of an epoch are the numbers in its row of the net's history: `valid_loss` becomes
    `val_loss`, and so on. Stop ends `fit` after the epoch under way, by KeyboardInterrupt, as
    skorch's EarlyStopping does; callbacks after this one do not see the end of that epoch, so it
    comes last. skorch tells a callback of no error: a training that failed is shown so when its
    process or its net is gone.
    """

    @opening
    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.row_: Any = None  # the history's, of an epoch that is to be written
        self.is_begun_ = False

    @opening
    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        if self.is_begun_:
            self.end_epoch()
            return
        # Not sooner: an LRScheduler that comes later has made its scheduler only now.
        self.is_begun_ = True
        rule = next((cb for _, cb in net.callbacks_ if isinstance(cb, LRScheduler)), None)
        monitor = getattr(rule, "monitor", None)
        self.open_scope(
            scheduler=rule and rule.lr_scheduler_,
            optimizer=net.optimizer_,
            epochs=net.max_epochs,
            monitor=_named(monitor) if isinstance(monitor, str) else None,
        )

    @watching
    def on_batch_end(
        self, scope: Scope, _: Any, training: bool = False, loss: Any = None, **__: Any
    ) -> None:
        if training:
            scope.batch(loss)

    @watching
    def on_epoch_end(self, scope: Scope, net: Any, **_: Any) -> None:
        self.row_ = net.history[-1]
        if scope.stopping:
            raise KeyboardInterrupt

    @watching
    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.end_epoch()
        self.close_scope()

    @watching
    def end_epoch(self, scope: Scope) -> None:
        """Write the epoch that is over, if any: by now all callbacks have added their metrics."""
        row, self.row_ = self.row_, None
        if row is not None:
            metrics = [
                (_named(name), value)
                for name, value in row.items()
                if not isinstance(value, bool) and name not in _OTHERS and name[:6] != "event_"
            ]
            scope.epoch(**numbers_of(metrics))


def _named(name: str) -> str:
    return f"val_{name.removeprefix('valid_')}" if name.startswith("valid_") else name
