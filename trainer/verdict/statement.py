"""What a verdict consists of."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "diverged",  # the loss was no longer a finite number
    "guessing",  # it has not learned, or no longer does better than guessing
    "too high",  # the LR kept the loss from settling
    "patience",  # the plateau rule cuts at noise
    "overfitting",
    "frozen",  # the LR is so small that nothing moves
    "too low",  # the loss falls in every epoch, but slowly
    "unfinished",  # the loss was still falling at the end
    "cuts",  # what the cuts brought
]


@dataclass(frozen=True, slots=True)
class Action:
    """What would help: a new run with these settings, or a fork after epoch `after` with them.

    Attributes:
        label: what it does, for a button.
        after: the epoch to fork after; None for a new run.
        settings: what differs from the run's own settings, by key and as text, as in the terminal.
    """

    label: str
    after: int | None = None
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence on how a run stands.

    Attributes:
        epochs: the first and the last epoch that it is about.
        action: what would help, None if nothing can be offered.
    """

    kind: Kind
    sentence: str
    epochs: tuple[int, int] | None = None
    action: Action | None = None
