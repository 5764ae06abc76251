"""Compares a recorded run with a replay under other parameters: what would have been different,
and up to which epoch that is exact. torch-free except for the replay itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..config import forks
from ..config.recipe import Recipe
from ..config.schedules import ReduceLROnPlateau
from ..config.table import ConfigError
from ..config.text import distinct, epochs_text, lr_text
from ..schedule.epoch import Epoch, monitored
from ..schedule.past import Stretch
from .keras_fastai import fastai, keras

if TYPE_CHECKING:
    from .difference import Difference, Past
    from .replay import Replayed


@dataclass(frozen=True)
class Comparison:
    """What happened (`rows`, with the recipe `happened`) and the replay (`steps`, with `other`).

    `difference` is the first batch that would have been trained differently, or None: everything in
    the replay after it is a guess, since other LRs would have given other losses.

    `unending` has, for each epoch that a plateau run decided on, how many bad epochs torch's class
    would have counted with a patience that never ends.
    """

    happened: Recipe
    other: Recipe
    rows: Sequence[Epoch]
    steps: "Sequence[Replayed]"
    difference: "Difference | None"
    unending: Sequence[int] = ()

    @property
    def first(self) -> int | None:
        """The first epoch that would have been trained differently, or None."""
        return self.difference and self.difference.epoch

    @property
    def sentence(self) -> str:
        """How far the replay is exact."""
        found = self.difference
        if found is None:
            moves = self.happened.moves_momentum or self.other.moves_momentum
            every = f"every LR and every {self._momentum}" if moves else "every LR"
            return f"No difference: in {epochs_text(len(self.rows))} {every} would be the same."
        would, did = distinct(found.would, found.did, lr_text)
        at = f"in epoch {found.epoch}"
        if found.batch:
            at += f", from batch {found.batch + 1:,} on,"
        what = "LR" if found.what == "LR" else self._momentum
        differs = f"{at} the {what} would have been {would} instead of {did}"
        if found.epoch == self.rows[0].epoch:
            return f"Different from the start: {differs}. The rest is a guess."
        return (
            f"Exact up to epoch {found.epoch - 1}: {differs}. The rest is a guess, since the "
            "losses would have been different."
        )

    @property
    def _momentum(self) -> str:
        return self.other.momentum_name or "momentum"

    @property
    def cuts(self) -> list[int]:
        """The epochs after which the run cut its LR."""
        return [r.epoch for r in self.rows if r.decision and r.decision.kind == "cut"]

    @property
    def would_cut(self) -> list[int]:
        """The epochs after which the replay cuts the LR."""
        return [step.epoch for step in self.steps if step.decision.kind == "cut"]

    @property
    def remedy(self) -> str | None:
        """Which patience would have avoided every cut of a plateau run, by torch's own class over
        these values; None without a cut.
        """
        decided = [r.decision for r in self.rows[-len(self.unending) :] if r.decision]
        cuts = [(d.epoch, d.plateau.counted) for d in decided if d.kind == "cut" and d.plateau]
        if not self.unending or not cuts:
            return None
        epoch, counted = cuts[0]
        most, last = max(self.unending), self.unending[-1]
        came = f"The cut after epoch {epoch} came after {epochs_text(counted, 'bad epoch')}"
        if last == most:
            return (
                f"{came}. No patience avoids a cut for good: the last {epochs_text(last)} "
                f"{'is' if last == 1 else 'are all'} bad, so a longer one only puts it off."
            )
        return f"{came}. On these values a patience of {most} or more never cuts."


def rules(comparison: Comparison) -> dict[str, list[int]]:
    """Where the plateau rules of Keras and fastai, with the replay's parameters, would have cut."""
    config, spec = comparison.other, comparison.other.schedule
    if not isinstance(spec, ReduceLROnPlateau):
        return {}
    values = monitored(config.monitor, comparison.rows)[config.warmup :]
    return {
        name: [config.warmup + epoch for epoch in rule(values, config.mode, spec, config.lr)]
        for name, rule in (("Keras", keras), ("fastai", fastai))
    }


def compare(
    happened: Recipe,
    rows: Sequence[Epoch],
    other: Recipe,
    batches: int,
    stretches: Sequence[Stretch] = (),
) -> Comparison:
    """Replay `other` over the rows of a run of `happened`, with that many batches per epoch; over
    those of a fork from where it starts.

    Args:
        stretches: how the run was trained; the whole of it with `happened`, if empty.

    Raises:
        ConfigError: the run has no such metric, a fork cannot change a setting, or torch's class
            cannot run for so many steps.
    """
    from .difference import Past, first_difference
    from .replay import replay_past

    names = {name for row in rows for name in row.metrics}
    if other.monitor not in names:
        sentence = f"Monitor must be a metric of the run: {', '.join(sorted(names))}."
        raise ConfigError({("monitor", None): sentence})
    past = Past(stretches or [Stretch(happened)], rows, batches)
    if past.after and (refused := forks.locked(happened, other)):
        raise ConfigError({(path, None): sentence for path, sentence in refused.items()})
    steps = replay_past(past, other)
    counted = _without_a_cut(past, happened)
    return Comparison(happened, other, rows, steps, first_difference(past, other, steps), counted)


def _without_a_cut(past: "Past", happened: Recipe) -> list[int]:
    """The bad epochs that the plateau rule of a run counts, if it has more patience than epochs."""
    from .replay import replay_past

    if not isinstance(happened.schedule, ReduceLROnPlateau):
        return []
    # Not checked against the setting's bounds, which a long curve passes.
    endless = happened.schedule.model_copy(update={"patience": len(past.rows)})
    steps = replay_past(past, happened.model_copy(update={"schedule": endless}))
    decided = [step.decision for step in steps[max(past.after - 1, 0) :]]
    return [d.plateau.counted for d in decided if d.plateau]
