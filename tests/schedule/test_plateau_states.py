"""The plateau rule is torch's class in every state, and each sentence shows that state."""

import math
import re
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings

from tests.schedule.by_torch import BATCHES, plateau_runs, sequences, torch_plateau
from trainer.config.run import RunConfig
from trainer.schedule.decisions import Decision
from trainer.schedule.schedule import Schedule


def finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def shown_in_order(
    decision: Decision, metric: float, level: float | None, counted: int, oracle: Any
) -> list[Any]:
    """The class's numbers that a sentence of this kind is to show, in order."""
    compared = [n for n in (metric, level) if n is not None] if math.isfinite(metric) else []
    lr = decision.lr
    match decision.kind:
        case "improved" if "no better" in decision.sentence:
            return [*compared, decision.plateau.met_best]
        case "improved":
            return compared
        case "waiting":
            return [lr, *compared, oracle.num_bad_epochs, oracle.patience]
        case "cooldown":
            return [lr, *compared, *filter(None, [oracle.cooldown_counter])]
        case "cut":
            return [counted, oracle.patience, lr, oracle.optimizer.param_groups[0]["lr"]]
        case "no effect":
            at_floor = oracle.min_lrs[0] and lr <= oracle.min_lrs[0]
            return [counted, oracle.patience, lr, oracle.min_lrs[0] if at_floor else oracle.eps]
    raise AssertionError(f"{decision.kind} is not the plateau rule's")


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


@settings(max_examples=2 * settings.default.max_examples)
@given(run=plateau_runs(), metrics=sequences())
def test_plateau_is_torchs_class_in_every_state_on_any_losses(run, metrics):
    compare_with_torch(run, metrics)
    compare_with_torch(run, metrics[::-1])


def compare_with_torch(run: RunConfig, metrics: Sequence[float]) -> None:
    schedule, oracle = Schedule(run, BATCHES), torch_plateau(run)
    group, reduce_lr = oracle.optimizer.param_groups[0], oracle._reduce_lr
    attempts: list[int] = []

    def attempt(epoch: int) -> None:
        attempts.append(epoch)
        reduce_lr(epoch)

    oracle._reduce_lr = attempt
    for metric in metrics:
        lr, best, bad, cooling = group["lr"], oracle.best, oracle.num_bad_epochs, oracle.in_cooldown
        assert schedule.lr == lr
        better = oracle._is_better(metric, best)
        attempts.clear()
        oracle.step(metric)
        decision = schedule.advance(metric)
        seen = decision.plateau

        assert (decision.lr, decision.next_lr, schedule.lr) == (lr, group["lr"], group["lr"])
        assert seen.bad_epochs == oracle.num_bad_epochs
        assert seen.cooldown_left == oracle.cooldown_counter
        assert seen.best == finite(oracle.best)
        assert seen.metric == finite(metric)
        assert seen.counted == (bad + 1 if attempts else oracle.num_bad_epochs)
        assert (seen.patience, seen.factor) == (run.schedule.patience, run.schedule.factor)
        assert (seen.min_lr, seen.eps) == (run.schedule.min_lr, run.schedule.eps)

        assert (decision.kind == "cut") == (group["lr"] != lr)
        assert (decision.kind == "no effect") == (bool(attempts) and group["lr"] == lr)
        assert (decision.kind == "improved") == better
        assert (seen.met_best, seen.cooling, seen.mode) == (finite(best), cooling, oracle.mode)
        if decision.kind in ("waiting", "cooldown"):
            assert (decision.kind == "cooldown") == cooling

        worse = math.inf if oracle.mode == "min" else -math.inf
        for level, beaten in ((seen.level, best), (seen.next_level, oracle.best)):
            assert math.isfinite(beaten) or level is None
            if level is not None:
                assert not oracle._is_better(level, beaten)
                assert not oracle._is_better(math.nextafter(level, worse), beaten)
                assert oracle._is_better(math.nextafter(level, -worse), beaten)

        told = [float(number) for number in NUMBER.findall(decision.sentence)]
        expected = shown_in_order(decision, metric, seen.level, seen.counted, oracle)
        assert len(told) == len(expected)
        for number, state in zip(told, expected, strict=True):
            assert math.isclose(number, state, rel_tol=0.005)
