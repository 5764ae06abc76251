"""The rule strip: one cell an epoch for what the schedule did at its end. Pure.

The cells of a kind are one outline that is filled, so a strip of ten thousand epochs has as many
elements as one of ten.
"""

from collections.abc import Sequence
from typing import NamedTuple

from trainer.schedule.decisions import Decision
from trainer.schedule.epoch import Epoch


class Look(NamedTuple):
    """How a kind of cell is drawn: its name for the user, its colour by meaning, and its opacity in
    hexadecimal.
    """

    name: str
    colour: str
    hollow: bool = False
    fill: str = "ff"


LOOKS = {
    "best": Look("new best", "best"),
    "bad": Look("bad epochs", "val", fill="cc"),
    "cooldown": Look("cooldown", "faint", fill="80"),
    "cut": Look("cut", "cut"),
    "no effect": Look("cut without effect", "cut", hollow=True),
    "warm-up": Look("warm-up", "lr", fill="b3"),
    "moved": Look("LR moved", "lr", fill="66"),
    "turn": Look("peak, restart", "lr"),
    "kept": Look("LR kept", "faint", fill="80"),
    "diverged": Look("diverged", "cut"),
}
LEAST = 0.12  # height of a cell that would be empty
SLOPE = 0.25, 0.65
GAPS_UP_TO = 150  # epochs; with more, a gap between two cells would be narrower than a pixel
HALF_CELL = 0.42


def cells(rows: Sequence[Epoch], epochs: int) -> dict[str, tuple[list[float], list[float | None]]]:
    """The outlines of the rows' cells by kind, heights in 0 to 1.

    Args:
        rows: some of the run's epochs.
        epochs: the planned number of epochs.
    """
    half = HALF_CELL if epochs <= GAPS_UP_TO else 0.5
    found: dict[str, tuple[list[float], list[float | None]]] = {kind: ([], []) for kind in LOOKS}
    for row in rows:
        kind, begins, ends = cell(row.decision, epochs)
        x, y = found[kind]
        left, right = row.epoch - half, row.epoch + half
        x.extend((left, left, right, right))
        y.extend((0.0, begins, ends, 0.0))
        if LOOKS[kind].hollow:  # two outlines are not joined by a line
            x.append(right)
            y.append(None)
    return found


def cell(decision: Decision | None, epochs: int) -> tuple[str, float, float]:
    """The kind of an epoch's cell and its heights at its left and right; bad epochs rise with their
    count, and a cell in which the LR moves slopes that way.

    Args:
        decision: the epoch's; None if it has none.
        epochs: the planned number of epochs; what comes after the last one has no effect.
    """
    if decision is None:
        return "diverged", 1.0, 1.0
    if decision.comes_too_late(epochs):
        return ("no effect", 1.0, 1.0) if decision.kind == "cut" else ("kept", LEAST, LEAST)
    match decision.kind:
        case "improved":
            return "best", 1.0, 1.0
        case "waiting":
            height = _counted(decision)
            return "bad", height, height
        case "cut" | "no effect" as kind:
            return kind, 1.0, 1.0
        case "peak" | "bottom" | "restart":
            return "turn", 1.0, 1.0
        case "warm-up":
            return "warm-up", *SLOPE
        case "raised":
            return "moved", *SLOPE
        case "lowered":
            return "moved", *SLOPE[::-1]
        case kind:
            return kind, LEAST, LEAST


def _counted(decision: Decision) -> float:
    seen = decision.plateau
    if seen is None:
        return LEAST
    # A cell of its own height is kept for the cut that follows the last bad epoch.
    return round(LEAST + (0.88 - LEAST) * min(seen.bad_epochs / max(seen.patience, 1), 1), 3)
