"""The scale of the LR axis of runs whose schedule is not known."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.lab.whole import view_of
from app.picture.drawn import drawn
from app.picture.panes import panes
from tests.watched.spools import SpoolWriter, epoch
from tests.watched.test_taker import begin
from trainer.curves.csv import Curve
from trainer.curves.importing import import_curve
from trainer.store.store import Store
from trainer.watched.taker import Taker

UNKNOWN = {"class": "Mine", "module": "mine", "state": {}, "parts": []}
LRS = [
    ([0.1, 0.05, 0.01], "linear"),
    ([0.3, 0.1, 0.01], "log"),
    ([0.1, 0.0, 0.0001], "linear"),
]


def scales(store: Store) -> tuple[Any, Any]:
    """In the page, and in a picture."""
    axis = view_of(store, 1, 1)["figure"]["layout"]["yaxis2"]
    one = drawn(store, 1)
    return axis["type"], "log" if panes([one], [], 800, 600, False).lr.log else "linear"


@pytest.mark.parametrize(("lrs", "scale"), LRS)
def test_a_wide_range_of_lrs_by_an_unknown_schedule_is_on_a_logarithmic_axis(
    tmp_path: Path, lrs: list[float], scale: str
) -> None:
    lines = [epoch(number, lr) for number, lr in enumerate(lrs, 1)]
    SpoolWriter(tmp_path, [begin() | {"scheduler": UNKNOWN}, *lines])
    with closing(Store(tmp_path)) as store:
        Taker(store).once()
        assert scales(store) == (scale, scale)


@pytest.mark.parametrize(("lrs", "scale"), LRS)
def test_the_lrs_of_a_file_choose_their_axis_and_not_the_rule_that_is_assumed(
    tmp_path: Path, lrs: list[float], scale: str
) -> None:
    curve = Curve("mine.csv", (1, 2, 3), {"loss": (1.0, 1.0, 1.0)}, tuple(lrs))
    with closing(Store(tmp_path)) as store:
        import_curve(store, curve, {})
        assert scales(store) == (scale, scale)
