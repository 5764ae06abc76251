"""Other runs behind the displayed one, as traces."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.charts import theme
from app.charts.curves import metric
from app.charts.others import MOST, Other, drawn, metric_of
from trainer.config.recipe import Recipe


def other(**changes: Any) -> Other:
    values: list[float | None] = [0.5, None, 0.25]
    plain = Other(3, "plateau", 0, "val_loss", [1, 2, 3], values, [0.1, 0.1, 0.01], [0.1] * 3)
    return plain._replace(**changes)


def lines(of: Other) -> list[tuple[list[float], list[float | None]]]:
    return [(trace["x"], trace["y"]) for trace in drawn(of)["traces"]]


def test_a_run_behind_has_its_losses_and_the_lr_over_each_epoch() -> None:
    loss, lr = lines(other(last_lrs=[0.1, 0.1, 0.001]))
    assert loss == ([1, 2, 3], [0.5, None, 0.25])
    assert lr == ([0.5, 2.5, 2.5, 3.5], [0.1, 0.1, 0.01, 0.001])
    assert json.dumps(drawn(other()), allow_nan=False)


def test_an_accuracy_is_drawn_as_the_error_that_is_left() -> None:
    (_, errors), _ = lines(other(metric="val_accuracy", values=[0.5, 0.75, None]))
    assert errors == [0.5, 0.25, None]


def test_the_validation_loss_is_drawn_or_where_there_is_none_the_monitor() -> None:
    watching = Recipe(monitor="val_accuracy")
    assert metric_of(watching, {"val_loss": [None, 0.5], "val_accuracy": [0.1, 0.2]}) == "val_loss"
    assert metric_of(watching, {"val_loss": [None], "val_accuracy": [0.1]}) == "val_accuracy"


@pytest.mark.parametrize("place", range(MOST))
def test_each_place_has_its_colour_in_both_schemes_and_is_no_thicker_than_the_run(
    place: int,
) -> None:
    shown = drawn(other(place=place))
    for scheme, looks in shown["looks"].items():
        colour = theme.colours(scheme)[theme.BEHIND[place]]
        assert [look["line"]["color"] for look in looks] == [colour] * 2
    widths = [trace["line"]["width"] for trace in shown["traces"]]
    assert max(widths) < metric("val_loss").style["line"]["width"]
    assert all(trace["opacity"] < 1 for trace in shown["traces"])


def test_the_hover_tells_number_loss_and_lr_of_an_epoch() -> None:
    loss, lr = drawn(other())["traces"]
    assert loss["name"] == "#3"
    assert loss["customdata"] == [0.1, 0.1, 0.1]
    assert lr["hoverinfo"] == "skip"


@given(st.lists(st.none() | st.floats(1e-6, 1e6), min_size=1, max_size=20))
def test_a_long_run_costs_a_thinned_curve(some: list[float | None]) -> None:
    values = some * 500
    count = len(values)
    epochs = list(range(1, count + 1))
    lrs = [0.99**epoch for epoch in epochs]
    long = other(epochs=epochs, values=values, lrs=lrs, last_lrs=lrs)
    (x, y), (lr_x, _) = lines(long)
    assert len(x) <= 301
    assert len(lr_x) <= 301
    assert drawn(long)["traces"][0]["customdata"] == [lrs[int(epoch) - 1] for epoch in x]
    known = [value for value in values if value is not None]
    if known:
        assert min(v for v in y if v is not None) == pytest.approx(min(known), rel=1e-4)
    assert drawn(long)["epochs"] == count
