"""Where the parts of a picture lie: the loss, the rule strips, the learning rate. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.charts.curves import curves
from app.charts.lr_scale import lr_scale
from app.charts.series import Line
from app.picture.axes import Axis, around, from_zero
from app.picture.drawn import Drawn

WIDTH, HEIGHT = 1200, 800
LEAST, MOST = 240, 8000  # pixels of a side
NARROW = 600  # below it there is less room for labels
TITLE, HEAD, BOTTOM, GAP = 32, 26, 28, 8
STRIP, LOW_STRIP = 22, 12  # heights of the rule strip of one run, and of each of several
MOST_STRIPS = 12  # of more runs they would leave no room for the curves
LR_SHARE = 0.27  # of the room for curves


@dataclass(frozen=True)
class Panes:
    """The axes of a picture and its parts, in pixels.

    Attributes:
        strips: the top of each rule strip; `strip` is their height.
        lr_head: the top of the heading of the LR's pane.
    """

    width: int
    height: int
    x: Axis
    loss: Axis
    lr: Axis
    strips: list[int]
    strip: int
    lr_head: int

    @property
    def narrow(self) -> bool:
        return self.width < NARROW

    def geometry(self) -> dict[str, Any]:
        """What a script needs to find an epoch, and to draw LRs."""
        return {
            "width": self.width,
            "height": self.height,
            "x": [self.x.low, self.x.high, self.x.start, self.x.end],
            "lr": [self.lr.end, self.lr.start],
            "log": self.lr.log,
            "top": self.loss.end,
        }


def panes(
    runs: Sequence[Drawn], losses: Sequence[Line], width: int, height: int, titled: bool
) -> Panes:
    """The parts of a picture of these runs.

    Args:
        losses: the curves on the loss axis.
        titled: whether a title is above them.
    """
    several = len(runs) > 1
    narrow = width < NARROW
    left = 46 if narrow else 56
    right = (62 if narrow else 190) if several else (74 if narrow else 104)
    top = (TITLE if titled else 4) + HEAD
    strip = LOW_STRIP if several else STRIP
    count = len(runs) if len(runs) <= MOST_STRIPS else 0
    strips_height = count * (strip + 3) - 3 if count else 0
    room = height - top - strips_height - HEAD - BOTTOM - 3 * GAP
    lr_height = max(int(LR_SHARE * room), 40)
    first_strip = height - BOTTOM - lr_height - HEAD - GAP - strips_height
    planned = max(one.run.epochs for one in runs)
    x = Axis(0.5, planned + 0.5, left, width - right)
    log = all(v is None or v > 0 for line in losses for v in line.y)
    # The LRs of batches, too, where a schedule moves them within an epoch.
    lrs = [
        v
        for one in runs
        for curve, line in curves(one.series)
        if curve.style.get("yaxis") == "y2" and not (several and curve.key.startswith("group:"))
        for v in line.y
    ]
    bottom, lr_top = height - BOTTOM, height - BOTTOM - lr_height
    # A constant LR is at home on either axis, so it is the others that decide.
    moving = [one for one in runs if len(set(one.series.lr.y)) > 1] if several else runs
    if moving and all(_scale(one) == "log" for one in moving):
        lr = around(lrs, bottom, lr_top, log=True)
    else:
        lr = from_zero(lrs, bottom, lr_top)
    values = [v for line in losses for v in line.y]
    return Panes(
        width=width,
        height=height,
        x=x,
        loss=around(values, first_strip - GAP, top, log),
        lr=lr,
        strips=[first_strip + i * (strip + 3) for i in range(count)],
        strip=strip,
        lr_head=first_strip + strips_height + GAP,
    )


def _scale(one: Drawn) -> str:
    return lr_scale(one.run.recipe, one.run.stand_ins, one.rows, one.series.lrs)
