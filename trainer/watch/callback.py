"""What the callbacks for other libraries share. Each is imported by whoever has its library:
`from lrscope.lightning import Watch`.
"""

from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any

from .plain import number
from .scope import Scope, _Trouble, watch


class Callback:
    """Puts the trainings of a library on the scope. An error in it ends the watching, with one
    warning, and never the training.

    Args:
        name: what the runs are called.
        monitor: the metric that the schedule watches, where the library does not tell it.
        control: whether the page may pause the training and change its LR. Stop needs no
            permission.
        home: where LRScope keeps its runs; its usual folder if not given.

    Attributes:
        scope_: the scope of the training under way, else None.
    """

    # What is no setting ends with an underscore: skorch copies a callback by its settings.

    def __init__(
        self,
        name: str,
        *,
        monitor: str | None = None,
        control: bool = False,
        home: str | PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.monitor = monitor
        self.control = control
        self.home = home
        self.scope_: Scope | None = None
        self.trouble_ = _Trouble()

    def open_scope(
        self,
        *,
        scheduler: Any = None,
        optimizer: Any = None,
        epochs: int | None = None,
        batches: int | None = None,
        monitor: str | None = None,
    ) -> None:
        """A training begins."""
        self.close_scope("failed", "It began again before it came to its end.")
        self.scope_ = watch(
            self.name,
            scheduler,
            optimizer,
            epochs=epochs,
            batches=batches,
            monitor=self.monitor or monitor,
            control=self.control,
            home=self.home,
        )

    def close_scope(self, status: str = "finished", reason: str | None = None) -> None:
        """The training is over."""
        scope, self.scope_ = self.scope_, None
        if scope is not None:
            scope.close(status, reason)

    def fail_scope(self, error: BaseException) -> None:
        """The training ended with that error."""
        scope, self.scope_ = self.scope_, None
        if scope is not None:
            scope.__exit__(type(error), error, error.__traceback__)

    def give_up(self, error: Exception) -> None:
        """The watching ended with that error."""
        self.trouble_.say(error)
        self.close_scope("failed", f"LRScope could not watch it: {type(error).__name__}: {error}")


Hook = Callable[..., None]


def opening(method: Hook) -> Hook:
    """A method that the library calls as a training begins. It raises no error."""

    def quiet(self: Callback, *args: Any, **kwargs: Any) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self.give_up(error)

    return quiet


def watching(method: Hook) -> Hook:
    """A method that the library calls while it trains. It is given the scope, is left out while
    there is none, and raises no error.
    """

    def quiet(self: Callback, *args: Any, **kwargs: Any) -> None:
        if self.scope_ is not None:
            try:
                method(self, self.scope_, *args, **kwargs)
            except Exception as error:
                self.give_up(error)

    return quiet


def numbers_of(entries: Iterable[tuple[str, Any]]) -> dict[str, float]:
    """Those entries that are one number."""
    found = {}
    for name, value in entries:
        try:
            found[name] = number(value)
        except (TypeError, ValueError, RuntimeError):  # a list, a text, a tensor of several
            continue
    return found


class Mean:
    """The mean of the losses of an epoch's batches, kept where they lie: to read each one would
    wait for its device.
    """

    def __init__(self) -> None:
        self._sum: Any = 0.0
        self._count = 0

    def add(self, loss: Any) -> None:
        """Take the loss of a batch."""
        self._sum = self._sum + loss
        self._count += 1

    def take(self) -> float | None:
        """The mean, None of nothing; begin another."""
        mean = number(self._sum) / self._count if self._count else None
        self._sum, self._count = 0.0, 0
        return mean
