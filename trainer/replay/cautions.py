"""Where torch's schedules do what people may not expect, before Start.

What a schedule does is read from its preview; the facts behind the sentences are verified against
torch's own classes in tests/replay/test_cautions.py. Cautions about a single schedule are with its
settings, in `trainer.config.schedules`.
"""

from collections.abc import Iterator, Sequence

from ..config.optimizers import TOO_HIGH
from ..config.recipe import Recipe
from ..config.schedules import ReduceLROnPlateau
from ..config.text import epochs_text, lr_text, significant
from ..config.traits import Caution
from .replay import Preview

# At so small a fraction of the LR training no longer changes, whether eps skips cuts or not.
NOTICED = 1e-4
USUAL = 0.01  # the highest LR that is usual for those optimizers


def cautions(
    recipe: Recipe, preview: Preview, metrics: Sequence[float | None] = ()
) -> list[Caution]:
    """What a person should know about this recipe, most serious first, with what would mend it.

    Args:
        recipe: the run's recipe.
        preview: the recipe's preview.
        metrics: the monitor's values, if known.
    """
    return [
        *_learning_rate(recipe, preview),
        *_plateau(recipe, preview, metrics),
        *recipe.schedule.cautions(recipe.lr, recipe.warmup, recipe.epochs - recipe.warmup),
        *_momentum(recipe),
    ]


def _learning_rate(recipe: Recipe, preview: Preview) -> Iterator[Caution]:
    steps = preview.flat or preview.steps
    name, top = recipe.optimizer.name, preview.top
    if top >= TOO_HIGH.get(name, float("inf")):
        high = "schedule.max_lr" if recipe.lr < top else "lr"
        yield Caution(
            f"{name} at {lr_text(top)} often stops these networks from learning: the loss stays at "
            "that of guessing, ln 10 ≈ 2.303. Between 0.001 and 0.01 is usual.",
            (high, USUAL) if high == "lr" or recipe.lr < USUAL else None,
        )
    if preview.flat is None:
        zero = next((i for i, step in enumerate(steps, 1) if step.lr == step.lr_last == 0), None)
        if zero:
            length, total = recipe.epochs - recipe.warmup, "total_iters"
            has_total = length >= 1 and hasattr(recipe.schedule, total)
            yield Caution(
                f"From epoch {zero} on, the LR is 0 and the network stops learning.",
                (f"schedule.{total}", length) if has_total else None,
            )


def _plateau(
    recipe: Recipe, preview: Preview, metrics: Sequence[float | None]
) -> Iterator[Caution]:
    spec = recipe.schedule
    if not isinstance(spec, ReduceLROnPlateau):
        return
    if recipe.lr <= spec.min_lr:
        yield Caution(
            f"The LR {lr_text(recipe.lr)} is not above Min LR {lr_text(spec.min_lr)}: no cut will "
            "ever change it.",
            ("schedule.min_lr", 0.0),
        )
    elif recipe.lr * (1 - spec.factor) <= spec.eps:
        yield Caution(
            f"No cut changes the LR by more than eps {lr_text(spec.eps)}: every cut will be "
            "attempted without effect.",
            ("schedule.eps", 0.0),
        )
    elif preview.first_cut is None:
        first = recipe.warmup + spec.patience + 2
        most = recipe.epochs - recipe.warmup - 3  # so that an epoch is left to train with it
        yield Caution(
            f"No cut is possible in {epochs_text(recipe.epochs)}: the first could come after epoch "
            f"{first}.",
            ("schedule.patience", min(most, type(spec)().patience)) if most >= 0 else None,
        )
    else:
        lowest = preview.steps[-1].next_lr
        skipped = lowest > spec.min_lr and lowest * (1 - spec.factor) <= spec.eps
        if skipped and lowest > NOTICED * recipe.lr:
            yield Caution(
                f"At {lr_text(lowest)} cuts are skipped: they would change the LR by no more "
                f"than eps {lr_text(spec.eps)}.",
                ("schedule.eps", 0.0),
            )
    if spec.threshold_mode == "rel" and any(m is not None and m < 0 for m in metrics):
        yield Caution(
            "These values go below zero, where a relative threshold counts a worse value as "
            "better: choose the threshold mode abs.",
            ("schedule.threshold_mode", "abs"),
        )


def _momentum(recipe: Recipe) -> Iterator[Caution]:
    moved = recipe.schedule.momentum_range
    if moved is None or not recipe.moves_momentum:
        return
    yield Caution(
        f"{recipe.schedule.name} also moves {recipe.optimizer.name}'s {recipe.momentum_name}, "
        f"between {significant(moved[0])} and {significant(moved[1])}."
    )
