"""What is said to a training in another process, and what it answers. torch-free."""

import pickle
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...config.run import RunConfig
from ...schedule.interventions import Intervention, InterventionName

Asked = tuple[InterventionName, float | None]
MOST_CAUSES = 5


@dataclass(frozen=True)
class Order:
    """What is to be trained: the arguments of `trainer.engine.loop.train` and of its `Control`."""

    config: RunConfig
    root: Path
    start: dict[str, Any] | None
    record: tuple[Intervention, ...] = ()
    recorded: int = 0
    threads: int = 0


@dataclass(frozen=True)
class Raised:
    """An error and those that it was raised from, by class and message, and how all that looked."""

    chain: tuple[tuple[type[BaseException], str], ...]
    trace: str

    @classmethod
    def of(cls, error: BaseException) -> "Raised":
        chain: list[tuple[type[BaseException], str]] = []
        cause: BaseException | None = error
        while cause is not None and len(chain) < MOST_CAUSES:
            chain.append((_known(type(cause)), str(cause)))
            cause = cause.__cause__
        return cls(tuple(chain), "".join(traceback.format_exception(error)))

    def error(self) -> BaseException:
        """The error anew: of the same class, with the same message and causes."""
        (kind, message), *causes = self.chain
        made = _made(kind, message)
        made.add_note(self.trace)
        last = made
        for kind, message in causes:
            last.__cause__ = _made(kind, message)
            last = last.__cause__
        return made


def _known(kind: type[BaseException]) -> type[BaseException]:
    """The class or, of one that other processes cannot find, the nearest that they can."""
    for each in kind.__mro__:
        with suppress(Exception):
            if each.__module__ != "__main__" and pickle.loads(pickle.dumps(each)):
                return each
    return Exception


def _made(kind: type[BaseException], message: str) -> BaseException:
    """An error of that class, whose __init__ may make a message of its own."""
    error = kind.__new__(kind)
    error.args = (message,)
    return error
