"""Where torch's schedules do what people do not expect: one sentence each, told before Start.

What a schedule does is read off its preview; the facts behind the sentences were run against
torch's own classes (tests/test_surprises.py runs them again).
"""

from collections.abc import Iterator, Sequence

from ..config.run import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    RunConfig,
    StepLR,
)
from ..config.text import epochs_text, lr_text, significant
from .replay import Preview, moves_momentum

# From here on most runs of this page's networks stay at the loss of guessing, in our own trials.
TOO_HIGH = {"Adam": 0.05, "AdamW": 0.05, "NAdam": 0.05, "RAdam": 0.05, "RMSprop": 0.02}

# So small a share of the LR moves nothing any more, whether eps swallows its cuts or not.
NOTICED = 1e-4


def surprises(
    config: RunConfig, preview: Preview, metrics: Sequence[float | None] = ()
) -> list[str]:
    """What a person should know about this config, the worst first.

    Args:
        config: the run.
        preview: its LRs.
        metrics: the monitor's values, where they are known.
    """
    return [*_learning_rate(config, preview), *_plateau(config, preview, metrics), *_cycle(config)]


def _learning_rate(config: RunConfig, preview: Preview) -> Iterator[str]:
    steps = preview.flat or preview.steps
    name, top = config.optimizer.name, max(max(step.lr, step.lr_last) for step in steps)
    if top >= TOO_HIGH.get(name, float("inf")):
        yield (
            f"{name} at {lr_text(top)} often stops these networks from learning: the loss stays at "
            "that of guessing, ln 10 ≈ 2.303. Between 0.001 and 0.01 is usual."
        )
    if preview.flat is None:
        zero = next((i for i, step in enumerate(steps, 1) if step.lr == step.lr_last == 0), None)
        if zero:
            yield f"From epoch {zero} on the LR is 0: nothing is learned there."


def _plateau(config: RunConfig, preview: Preview, metrics: Sequence[float | None]) -> Iterator[str]:
    spec = config.schedule
    if not isinstance(spec, ReduceLROnPlateau):
        return
    if config.lr <= spec.min_lr:
        yield (
            f"The LR {lr_text(config.lr)} is not above Min LR {lr_text(spec.min_lr)}: no cut will "
            "ever change it, and none raises it."
        )
    elif config.lr * (1 - spec.factor) <= spec.eps:
        yield (
            f"No cut changes the LR by more than eps {lr_text(spec.eps)}: every cut will be "
            "attempted without effect."
        )
    elif preview.first_cut is None:
        first = config.warmup + spec.patience + 2
        yield (
            f"No cut is possible in {epochs_text(config.epochs)}: the first could come after epoch "
            f"{first}."
        )
    else:
        lowest = preview.steps[-1].next_lr
        swallowed = lowest > spec.min_lr and lowest * (1 - spec.factor) <= spec.eps
        if swallowed and lowest > NOTICED * config.lr:
            yield (
                f"At {lr_text(lowest)} cuts are swallowed: they would change the LR by no more "
                f"than eps {lr_text(spec.eps)}."
            )
    if spec.threshold_mode == "rel" and any(m is not None and m < 0 for m in metrics):
        yield (
            "These values go below zero, where a relative threshold counts a worse value as "
            "better: choose the threshold mode abs."
        )


def _cycle(config: RunConfig) -> Iterator[str]:
    spec, epochs = config.schedule, config.epochs - config.warmup
    match spec:
        case CosineAnnealingLR() if spec.eta_min > config.lr:
            yield f"Eta min {lr_text(spec.eta_min)} is above the LR: the LR rises to it."
        case CosineAnnealingLR() if spec.T_max < epochs:
            yield (
                f"After epoch {config.warmup + spec.T_max} the LR rises again: T max is "
                f"{spec.T_max}, and the schedule runs for {epochs_text(epochs)}."
            )
        case CosineAnnealingLR() if spec.T_max > epochs:
            yield (
                f"The LR does not reach its lowest: T max is {spec.T_max}, and the schedule runs "
                f"for {epochs_text(epochs)}."
            )
        case CosineAnnealingWarmRestarts() if epochs <= spec.T_0:
            yield f"No restart comes in {epochs_text(epochs)}: the first cycle takes {spec.T_0}."
        case StepLR() if spec.step_size >= epochs:
            yield f"No cut comes in {epochs_text(epochs)}: the first would after {spec.step_size}."
        case MultiStepLR() if max(spec.milestones) >= epochs:
            late = ", ".join(str(m) for m in spec.milestones if m >= epochs)
            yield f"The schedule runs for {epochs_text(epochs)}: it never reaches {late}."
        case OneCycleLR():
            yield (
                f"The cycle is laid over exactly {epochs_text(epochs)}: torch's class takes no "
                "step more, and a run that is stopped early misses the low end."
            )
        case CyclicLR() if spec.step_size_up > epochs:
            yield (
                f"The LR does not reach its top: the way up takes {spec.step_size_up}, and the "
                f"schedule runs for {epochs_text(epochs)}."
            )
    total = getattr(spec, "total_iters", 0)
    if total > epochs:
        yield (
            f"The schedule does not come to its end: it takes {epochs_text(total)}, and the run "
            f"gives it {epochs}."
        )
    if moves_momentum(config):
        assert isinstance(spec, OneCycleLR | CyclicLR)
        moved = "momentum" if "momentum" in type(config.optimizer).model_fields else "beta 1"
        yield (
            f"{spec.name} also moves {config.optimizer.name}'s {moved}, between "
            f"{significant(spec.base_momentum)} and {significant(spec.max_momentum)}."
        )
