"""Whether the LR axis of a run is logarithmic or linear. Pure."""

from collections.abc import Iterable, Sequence

from trainer.config.recipe import Recipe
from trainer.schedule.epoch import Epoch, is_recorded

WIDE = 30  # the largest of the LRs by the smallest from which on a linear axis shows only the large


def lr_scale(
    recipe: Recipe, unknown: Iterable[str], rows: Sequence[Epoch], lrs: Iterable[float | None]
) -> str:
    """As fits the recipe's schedule; "log" or "linear" by the LRs where it is not known.

    Args:
        unknown: the parts of the recipe that are only stand-ins.
        rows: the run's epochs; the LRs of a file are by no schedule either.
        lrs: what is drawn of them.
    """
    if "schedule" not in unknown and not any(map(is_recorded, rows)):
        return recipe.schedule.traits.axis
    drawn = [lr for lr in lrs if lr is not None]
    return "log" if drawn and max(drawn) >= WIDE * min(drawn) > 0 else "linear"
