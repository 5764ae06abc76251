"""What is specific to a schedule, as data, and what every schedule's settings have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Self

from .cycles import Moved
from .fields import Settings
from .text import cut_text, epochs_text, lr_text

KEEPS_FACTORS = "{name} continues from the new LR with the same relative changes."
CONTINUES = "{name} continues unchanged in the added epochs."


class Caution(NamedTuple):
    """What people may not expect of a recipe, and the setting that would mend it: its path, as
    "schedule.T_max", and the value. None where no one value is the obvious one.
    """

    sentence: str
    fix: tuple[str, Any] | None = None


@dataclass(frozen=True)
class Traits:
    """What is specific to a schedule.

    Attributes:
        per_batch: it steps after every batch; the others step after every epoch.
        formula: its LR is the run's learning rate times a function of the step count, so it can be
            recomputed at any step.
        axis: the best axis for plotting its LR.
        fall, rise: the kind of decision when an epoch starts at a lower or a higher LR than the
            one before.
        cut_by: the field that multiplies the LR at a cut; None if it has none.
        turns_within_epoch: its peak is told of the epoch that has it, also if that starts with it.
        returns_to_lr: it returns to the run's learning rate, of which torch keeps a separate copy.
        fixed_length: its length is set when it starts; added epochs come after its end.
        watches_monitor: it depends on the monitor's values; the others on the number of steps.
        after_set_lr: what it does after the LR is set by hand.
        after_cut: what it does after a cut by hand, if that differs.
        after_added_epochs: what it does in epochs added by hand.
        summary: what it does, in the few words of a run's name. `{lr}` is the run's LR, `{cut}`
            the factor of a cut; others are its own fields.
    """

    per_batch: bool = False
    formula: bool = False
    axis: Literal["linear", "log"] = "linear"
    fall: Literal["lowered", "cut"] = "lowered"
    rise: Literal["raised", "restart"] = "raised"
    cut_by: str | None = None
    turns_within_epoch: bool = False
    returns_to_lr: bool = False
    fixed_length: bool = False
    watches_monitor: bool = False
    after_set_lr: str = KEEPS_FACTORS
    after_cut: str | None = None
    after_added_epochs: str = CONTINUES
    summary: str = "{name}"

    @property
    def keeps_own_lr(self) -> bool:
        """Whether it writes an LR of its own over one that was only set."""
        return self.formula or self.returns_to_lr


class ScheduleSettings(Settings):
    """What every schedule has. `name` is torch's class; `presets` has example runs by title, each
    with its settings by key.
    """

    traits: ClassVar[Traits] = Traits()
    presets: ClassVar[dict[str, dict[str, Any]]] = {}
    name: str

    def check(self, lr: float) -> None:  # noqa: ARG002
        """Refuse settings that are incompatible with the run's learning rate.

        Raises:
            PydanticCustomError: with a sentence beside the setting at fault.
        """
        return

    def arguments(self, lr: float, epochs: int, batches: int) -> dict[str, Any]:  # noqa: ARG002
        """The arguments of torch's class, except the optimizer.

        Args:
            lr: the run's learning rate.
            epochs: how many epochs the schedule runs for.
            batches: batches per epoch.
        """
        return self.model_dump(exclude={"name"})

    def refusal(self, epochs: int, batches: int) -> tuple[str, str] | None:  # noqa: ARG002
        """Why torch's class cannot run for so many epochs of so many batches: the field at fault,
        and a sentence. None if it can.
        """
        return None

    def cycle(self, lr: float, epochs: int, batches: int, steps: range) -> Iterator[Moved]:
        """The LR and momentum at these steps, for a schedule that steps each batch.

        Args:
            lr, epochs, batches: as for `arguments`.
        """
        raise NotImplementedError

    def attribute(self, field: str) -> tuple[str, Any]:
        """The attribute in which torch's object keeps a field, and its value there."""
        return field, getattr(self, field)

    def scaled(self, ratio: float) -> Self:  # noqa: ARG002
        """These settings where the run's LR is multiplied by `ratio`, and all others with it."""
        return self

    @classmethod
    def observed(
        cls,
        state: Mapping[str, Any],
        group: Mapping[str, Any],  # noqa: ARG003
        batches: int,  # noqa: ARG003
    ) -> dict[str, Any]:
        """The fields that an object of torch's class was made with, and the run's learning rate as
        `lr`: the inverse of `arguments`. With `epochs` where they determine its length.

        Args:
            state: its attributes.
            group: the settings of the parameter group that it drives.
            batches: batches per epoch; 0 if that is not known.

        Raises:
            KeyError, TypeError, ValueError: this class was not made with such fields.
        """
        made, fields = cls.model_validate({}), cls.model_fields.keys() - {"name"}
        own = {field: state[made.attribute(field)[0]] for field in fields}
        return {**own, "lr": state["base_lrs"][0]}

    def turns(self, done: int, batches: int) -> bool:  # noqa: ARG002
        """Whether the epoch after `done` epochs starts at a peak or at a bottom."""
        return False

    def peak(self, done: int, epochs: int, batches: int) -> tuple[int, ...]:  # noqa: ARG002
        """The steps of which one has the highest LR of the cycle that the last of `done` epochs is
        in, if that can be within an epoch.
        """
        return ()

    def cautions(self, lr: float, warmup: int, epochs: int) -> Iterator[Caution]:  # noqa: ARG002
        """What people may not expect of these settings.

        Args:
            lr: the run's learning rate.
            warmup: epochs before the schedule starts.
            epochs: how many epochs it then runs for.
        """
        total = getattr(self, "total_iters", 0)
        if total > epochs:
            yield Caution(
                f"The schedule does not reach its end: it takes {epochs_text(total)}, and the "
                f"run gives it {epochs}.",
                set_to("total_iters", epochs),
            )

    def summary(self, lr: float) -> str:
        """What it does, in a few words: plateau ÷10, patience 5.

        Args:
            lr: the run's learning rate.
        """
        words = {field: _word(value) for field, value in self}
        if self.traits.cut_by:
            words["cut"] = cut_text(getattr(self, self.traits.cut_by))
        return self.traits.summary.format(lr=lr_text(lr), **words)

    @property
    def momentum_range(self) -> tuple[float, float] | None:
        """The range in which it changes momentum, or Adam's beta 1, opposite to the LR; None if it
        does not change it.
        """
        if not getattr(self, "cycle_momentum", False):
            return None
        return getattr(self, "base_momentum"), getattr(self, "max_momentum")  # noqa: B009


def set_to(field: str, epochs: int) -> tuple[str, Any] | None:
    """The schedule's setting at a number of epochs; None below one."""
    return (f"schedule.{field}", epochs) if epochs >= 1 else None


def _word(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_word, value))
    return lr_text(value) if isinstance(value, float) else str(value)
