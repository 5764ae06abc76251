"""The tree of stages."""

from collections import Counter
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sweep.scene import BEST
from app.sweep.stages import Bar, fewer, in_order, stages
from app.sweep.tree import LETTER, ROOM, saved, tree
from tests.small import NOWHERE, small
from tests.sweep.measured import measured
from tests.sweep.sweeps import added
from trainer.store.store import Store
from trainer.store.sweeps import Epochs
from trainer.sweep.reading import Cell, Reading
from trainer.sweep.sweeping import execute_sweep


def every(roots: list[Bar]) -> list[Bar]:
    return [bar for root in roots for bar in in_order(root)]


def done(bars: list[Bar]) -> int:
    """The epochs of all cells: each of a bar's as often as cells share it."""
    total = 0
    for bar in bars:
        ends = [start for start, _ in bar.counts[1:]] + [bar.last]
        total += sum(n * (end - at) for (at, n), end in zip(bar.counts, ends, strict=True))
    return total


def test_after_every_event_the_bars_are_the_epochs_trained_and_shared(store: Store) -> None:
    values = {"lr": [0.01, 0.3], "factor": [0.1, 0.5], "patience": [0, 1]}
    sweep = added(store, small(epochs=8), values, seeds=2)
    row, reading = store.sweep(sweep), Reading(store)
    assert row is not None
    with closing(execute_sweep(store, sweep, NOWHERE)) as training:
        for _ in training:
            read, epochs = reading.of(row), store.epochs_of(sweep)
            bars = every(stages(read.cells))
            assert sum(bar.trained for bar in bars) == epochs.trained
            assert done(bars) == epochs.done
    owners = {cell.run for bar in bars for cell in bar.cells}
    followers = {cell.run for bar in bars for cell in bar.followers}
    assert not owners & followers
    assert owners | followers == {cell.run for cell in read.cells}
    assert len(stages(read.cells)) >= 4  # of each LR and seed one


@st.composite
def trees(draw: st.DrawFn) -> list[Cell]:
    """Cells each of which has parted from one before, or from none."""
    cells: list[Cell] = []
    for run in range(1, draw(st.integers(1, 60)) + 1):
        parent = draw(st.sampled_from([None, *cells]))
        at = draw(st.integers(1, parent.epoch)) if parent else None
        epoch = draw(st.integers(at or 1, 30))
        cells.append(
            Cell(
                run, {}, 0, "training", None, epoch, 30, run / 7, 1, run / 7, None,
                parent and parent.run, at,
            )
        )  # fmt: skip
    return cells


@given(trees())
def test_every_epoch_is_in_one_bar_and_counted_for_each_cell(cells: list[Cell]) -> None:
    bars = every(stages(cells))
    assert done(bars) == sum(cell.epoch for cell in cells)
    assert sum(bar.trained for bar in bars) == sum(c.epoch - (c.parent_epoch or 0) for c in cells)
    for bar in bars:
        assert all(bar.first <= part.first <= bar.last for part in bar.parts)


@given(trees(), st.integers(1, 20))
def test_fewer_bars_stand_for_the_same_cells_and_epochs(cells: list[Cell], most: int) -> None:
    roots = stages(cells)
    found, within = fewer(roots, most)
    bars = every(found)
    assert len(bars) <= max(most, 2 * len(roots))
    assert within or len(bars) == len(every(roots))
    assert sum(bar.trained for bar in bars) == sum(bar.trained for bar in every(roots))
    runs = Counter(cell.run for bar in bars for cell in (*bar.cells, *bar.followers))
    assert runs == Counter(cell.run for cell in cells)


def test_a_bar_is_drawn_from_where_it_parted_and_as_thick_as_the_cells_that_share_it() -> None:
    cells = [
        Cell(1, {}, 0, "finished", None, 10, 10, 0.1, 9, 0.1),
        Cell(2, {}, 0, "finished", None, 10, 10, 0.2, 9, 0.2, None, 1, 4),
        Cell(3, {}, 0, "finished", None, 10, 10, 0.2, 9, 0.2, None, 2, 10),
        Cell(4, {}, 0, "finished", None, 10, 10, 0.1, 9, 0.1, None, 1, 7),
    ]
    (root,) = stages(cells)
    assert root.counts == [(0, 4), (4, 2), (7, 1)]
    assert [(bar.first, bar.last, bar.counts) for bar in root.parts] == [
        (4, 10, [(4, 2)]), (7, 10, [(7, 1)]),
    ]  # fmt: skip
    assert [bar.cells[0].run for bar in in_order(root)] == [1, 4, 2]  # no line crosses a bar
    assert [cell.run for cell in root.parts[0].followers] == [3]


@pytest.mark.parametrize("width", [300, 640])
def test_the_names_of_the_bars_fit_into_a_third_of_the_width(width: int) -> None:
    values: dict[str, list[Any]] = {
        "lr": [0.001, 0.01],
        "schedule": ["none", "CosineAnnealingWarmRestarts"],
    }
    picture = tree(measured(values, lambda v, _s: v["lr"]), width, BEST)
    margin = picture.figure["layout"]["margin"]["l"]
    assert margin <= width / 3 + 1
    for name in picture.figure["layout"]["yaxis"]["ticktext"]:
        assert len(name) * LETTER + ROOM <= margin + 1


@pytest.mark.parametrize(
    ("epochs", "told"),
    [
        (Epochs(1440, 1440, 374), "1,440 epochs asked, 374 trained: 3.9 epochs for each"),
        (Epochs(1440, 300, 300), "1,440 epochs asked, 300 of them done, 300 trained"),
        (Epochs(10, 0, 0), "10 epochs asked, 0 of them done, 0 trained"),
    ],
)
def test_what_was_saved_is_said(epochs: Epochs, told: str) -> None:
    assert saved(epochs) == told
