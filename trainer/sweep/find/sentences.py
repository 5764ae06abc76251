"""An answer in words: what was the case on these runs, and what they cannot show. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...compare.seeds import paired, sentence
from ...config.text import factor_text, lr_text, significant
from ...store.sweeps import Kind
from ..statement import FURTHEST
from .answers import WIDEST, Answer
from .suggestions import RULES

NOT_FINITE = "infinite or not a number"


def sentences(kind: Kind, answer: Answer) -> list[str]:
    """What a way to find an LR has found, most important first."""
    match kind:
        case "find":
            return _best_here(answer)
        case "which":
            return _which_lr(answer)
        case "range":
            return _range_test(answer)
        case _:
            return []


def _best_here(answer: Answer) -> list[str]:
    best, probes, runs = answer["best"], answer["probes"], answer["runs"]
    died = _died([p["lr"] for p in probes if p["diverged"]])
    if best is None:
        return ["No run on this seed and split was trained to its end.", *died]
    told = [
        f"Of {_counted(len(probes), 'run')} on this seed and split, {len(runs)} of them trained to "
        f"the end, LR {lr_text(best['lr'])} had the lowest validation loss "
        f"({significant(best['val_loss'])} in epoch {best['epoch']}); {_noise(answer['within'])}."
    ]
    tied = [run for run in runs if run["run"] in answer["tied"]]
    if tied:
        told.append(f"Within that: {', '.join(_above(run, best) for run in tied)}.")
    return [*told, *_at_edge(answer["edge"], best["lr"]), *died]


def _noise(within: float | None) -> str:
    if within is None:
        return "how far runs must be apart to be told from one seed, so few epochs do not show"
    return f"runs within {_per_cent(within)} cannot be told apart from one seed"


def _above(run: Mapping[str, Any], best: Mapping[str, Any]) -> str:
    more = run["val_loss"] / best["val_loss"] - 1 if best["val_loss"] else 0.0
    return f"LR {lr_text(run['lr'])} (+{_per_cent(more)})"


def _per_cent(fraction: float) -> str:
    """A fraction, with two digits: 0.43 as 43 %."""
    value = 100 * fraction
    return f"{value:,.0f} %" if value >= 9.95 else f"{value:.2g} %"


def _at_edge(edge: str | None, lr: float) -> list[str]:
    if edge is None:
        return []
    further = "lower" if edge == "lowest" else "higher"
    return [f"LR {lr_text(lr)} is the {edge} that was tried: a {further} one may do as well."]


def _died(lrs: Sequence[float]) -> list[str]:
    return [f"At LR {_listed(lrs)} a loss became {NOT_FINITE}."] if lrs else []


def _listed(lrs: Sequence[float]) -> str:
    texts = list(map(lr_text, sorted(set(lrs))))
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _which_lr(answer: Answer) -> list[str]:
    seeds, within = len(answer["seeds"]), _per_cent(answer["within"])
    died = _died([s["lr"] for s in answer["scores"] if s["diverged"]])
    if answer["band"] is None:
        ended = all(s["diverged"] or None not in s["losses"] for s in answer["scores"])
        if answer["scores"] and ended:
            return ["No LR has a finite loss on every seed.", *died]
        return ["Nothing can be told before every LR has ended.", *died]
    of = f"Of {_counted(answer['runs'], 'run')} on {_counted(seeds, 'seed')}, each with its split"
    low, high = answer["band"]
    span = f"from {lr_text(low)} to {lr_text(high)}"
    if answer["wide"]:
        return [
            f"Cannot tell: {of[:1].lower()}{of[1:]}, LRs {span} come within {within} of the lowest "
            f"validation loss, which is more than {WIDEST:g} decades. Train more epochs each.",
            *died,
        ]
    told = [
        f"{of}, LR {lr_text(answer['lr'])} is the lowest whose validation loss after the cool-down "
        f"epoch is within {within} of the lowest (LR {lr_text(answer['best'])}); "
        f"{_apart(answer['apart'], seeds)}."
    ]
    if low < high:
        told.append(f"As good, as far as this shows: {span}.")
    if cliff := answer["cliff"]:
        times = cliff["times"]
        there = f"{_times(times)} times the lowest" if times else NOT_FINITE
        near = "" if is_a_cliff(answer) else ", which these seeds cannot tell from it"
        told.append(f"At the next higher LR, {lr_text(cliff['lr'])}, the loss is {there}{near}.")
    edge = answer["edge"]
    return [*told, *_at_edge(edge, low if edge == "lowest" else high), *died]


def is_a_cliff(answer: Answer) -> bool:
    """Whether the loss at the next LR above the band is further from the lowest than noise."""
    times, apart = answer["cliff"]["times"], _known(answer["apart"])
    return times is None or apart is None or bool(times - 1 > apart)


def _known(apart: float | None) -> float | None:
    """How far LRs must be apart; None where that is so far that the seeds are too few to know."""
    return None if apart is None or apart > FURTHEST - 1 else apart


def _apart(apart: float | None, seeds: int) -> str:
    apart = _known(apart)
    if apart is None:
        return "how far LRs must be apart to be told, these seeds do not show"
    return f"LRs within {_per_cent(apart)} cannot be told apart from {_counted(seeds, 'seed')}"


def _range_test(answer: Answer) -> list[str]:
    seeds = answer["seeds"]
    if not seeds:
        return ["No seed has been tested yet."]
    told = ["A range test shows where the loss falls and where it breaks; it trains no run."]
    within = [s["apart"] for s in seeds if s["apart"]]
    if within:
        rules = f"{', '.join(RULES[:-1])} and {RULES[-1]}/10"
        least, most = _times(min(within)), _times(max(within))
        span = least if least == most else f"{least} to {most}"
        told.append(f"Within a seed, what fastai's rules {rules} suggest is {span} times apart.")
    across = apart_over_seeds(answer)
    if across:
        told.append(f"Over {_counted(len(seeds), 'seed')} they are apart: {across}.")
    return told


def apart_over_seeds(answer: Answer) -> str:
    """How far the suggestions of each rule are apart: valley 1.3 times, minimum/10 12 times."""
    known = {rule: times for rule, times in answer["apart"].items() if times}
    tenth = {RULES[-1]: f"{RULES[-1]}/10"}
    return ", ".join(f"{tenth.get(r, r)} {_times(times)} times" for r, times in known.items())


def _times(factor: float) -> str:
    """A factor with two digits."""
    return factor_text(float(f"{factor:.2g}"))


def checked(lrs: tuple[float, float], losses: Mapping[float, Mapping[int, float | None]]) -> str:
    """What a check shows: LR 0.01 is 12 % lower, 95 % between 3 % and 20 %, 3 seeds.

    Args:
        losses: the lowest validation loss by LR and seed.
    """
    first, second = (losses.get(lr, {}) for lr in lrs)
    comparison = paired("val_loss", first, second)
    told = sentence(f"The validation loss of LR {lr_text(lrs[0])}", comparison)
    if needed := comparison.seeds_needed:
        return f"{told}. To tell 10 % apart takes about {needed} seeds."
    return f"{told}."
