"""The LR and momentum of torch's schedules that step each batch, as functions of the step.

The numbers are torch's own to the bit (tests/config/test_cycles.py), many times faster than its
classes: two schedules are compared batch by batch with them. What trains, decides and is shown
comes from torch's classes. torch-free.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

Moved = tuple[float, float]
"""The LR and the momentum (Adam's beta 1) of one batch."""


def one_cycle(
    steps: range,
    *,
    max_lr: float,
    total_steps: int,
    pct_start: float,
    div_factor: float,
    final_div_factor: float,
    anneal_strategy: Literal["cos", "linear"],
    three_phase: bool,
    cycle_momentum: bool,  # noqa: ARG001 - the arguments are those of torch's class
    base_momentum: float,
    max_momentum: float,
) -> Iterator[Moved]:
    """One rise and fall, by the arguments of torch's class; after its last step it stays there."""
    initial = max_lr / div_factor
    low, last = initial / final_div_factor, total_steps - 1
    rise = (pct_start * total_steps - 1, (initial, max_lr), (max_momentum, base_momentum))
    phases: list[tuple[float, Moved, Moved]]
    if three_phase:
        fall = (2 * pct_start * total_steps - 2, (max_lr, initial), (base_momentum, max_momentum))
        phases = [rise, fall, (last, (initial, low), (max_momentum, max_momentum))]
    else:
        phases = [rise, (last, (max_lr, low), (base_momentum, max_momentum))]
    start, step = 0.0, steps.start
    for i, (end, (lr, lr_end), (momentum, momentum_end)) in enumerate(phases):
        is_final = i == len(phases) - 1 or last <= end
        stop = steps.stop if is_final else min(steps.stop, math.floor(end) + 1)
        half, momentum_half = (lr - lr_end) / 2.0, (momentum - momentum_end) / 2.0
        for at in range(step, stop):
            share = ((at if at < last else last) - start) / (end - start)
            if anneal_strategy == "cos":
                height = math.cos(math.pi * share) + 1
                yield lr_end + half * height, momentum_end + momentum_half * height
            else:
                yield (lr_end - lr) * share + lr, (momentum_end - momentum) * share + momentum
        start, step = end, max(step, stop)


def cyclic(
    steps: range,
    *,
    base_lr: float,
    max_lr: float,
    step_size_up: int,
    mode: Literal["triangular", "triangular2", "exp_range"],
    gamma: float,
    cycle_momentum: bool,  # noqa: ARG001 - the arguments are those of torch's class
    base_momentum: float,
    max_momentum: float,
) -> Iterator[Moved]:
    """Rise and fall again and again, by the arguments of torch's class."""
    whole = float(step_size_up) + float(step_size_up)
    top = step_size_up / whole
    for step in steps:
        cycle = math.floor(1 + step / whole)
        x = 1.0 + step / whole - cycle
        height = x / top if x <= top else (x - 1) / (top - 1)
        scale = 1.0
        if mode == "triangular2":
            scale = 1 / (2.0 ** (cycle - 1))
        elif mode == "exp_range":
            scale = gamma**step
        yield (
            base_lr + (max_lr - base_lr) * height * scale,
            max_momentum - (max_momentum - base_momentum) * height * scale,
        )


# Their arguments, from the attributes of an object that somebody else made


def observed_one_cycle(
    state: Mapping[str, Any], group: Mapping[str, Any], batches: int
) -> dict[str, Any]:
    """The fields of a rise and fall, the run's LR and the epochs, from an object's attributes and
    the parameter group that it drives.

    Raises:
        KeyError, TypeError, ValueError: it was not made for whole epochs of so many batches.
    """
    total, phases = int(state["total_steps"]), state["_schedule_phases"]
    if not batches or total % batches:
        raise ValueError("it does not span whole epochs")
    top, initial, low = float(group["max_lr"]), float(group["initial_lr"]), float(group["min_lr"])
    end = float(phases[0]["end_step"])
    own = {
        "pct_start": _such_that((end + 1) / total, lambda share: float(share * total) - 1 == end),
        "div_factor": _such_that(top / initial, lambda divisor: top / divisor == initial),
        "final_div_factor": _such_that(initial / low, lambda divisor: initial / divisor == low),
        "anneal_strategy": state["_anneal_func_type"],
        "three_phase": len(phases) == 3,
        "cycle_momentum": state["cycle_momentum"],
    }
    if state["cycle_momentum"]:
        own |= {name: group[name] for name in ("base_momentum", "max_momentum")}
    return {**own, "lr": top, "epochs": total // batches}


def observed_cyclic(state: Mapping[str, Any], batches: int) -> dict[str, Any]:
    """The fields of a cycle and the run's LR, from an object's attributes.

    Raises:
        KeyError, TypeError, ValueError: it does not rise and fall alike, in whole epochs of so many
            batches, or by a rule of its maker's.
    """
    whole = float(state["total_size"])
    if not batches or state["step_ratio"] != 0.5 or (whole / 2) % batches:
        raise ValueError("it does not rise and fall alike in whole epochs")
    if state.get("_scale_fn_custom") is not None:
        raise ValueError("it has a rule of its maker's")
    own = {
        "max_lr": state["max_lrs"][0],
        "step_size_up": int(whole / 2) // batches,
        "mode": state["mode"],
        "gamma": state["gamma"],
        "cycle_momentum": state["cycle_momentum"],
    }
    if state["cycle_momentum"]:
        own |= {"base_momentum": state["base_momentums"][0]}
        own |= {"max_momentum": state["max_momentums"][0]}
    return {**own, "lr": state["base_lrs"][0]}


def _such_that(near: float, fits: Callable[[float], bool]) -> float:
    """The number that somebody wrote, of which a quotient is left: the shortest near it that gives
    the same, else the quotient itself.
    """
    shorter = (float(f"{near:.{digits}g}") for digits in range(1, 17))
    beside = (math.nextafter(near, towards) for towards in (0.0, math.inf))
    return next((number for number in (*shorter, near, *beside) if fits(number)), near)
