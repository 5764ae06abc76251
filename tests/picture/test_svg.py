"""The SVG of runs: the page's curves and colours, whatever its size, its names and its runs."""

import re
from contextlib import closing
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from app.charts import theme
from app.charts.curves import curves
from app.charts.series import series
from app.picture.drawn import Drawn, common_metric, drawn
from app.picture.svg import Look, svg
from tests.execute.runs import trained
from tests.exported import Runs
from tests.small import SCHEDULES, load, small
from trainer.engine import datasets
from trainer.store.faults import CommandError
from trainer.store.lineage import lineage
from trainer.store.store import Store

NAME = '</text><script>alert(1)</script> & "quotes" \x00\x1b\ufffe\u202e é'


def parts(text: str, tag: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(text).iter(f"{{http://www.w3.org/2000/svg}}{tag}"))


def words(text: str) -> list[str]:
    return [part.text or "" for part in parts(text, "text")]


def of(store: Store, *numbers: int) -> list[Drawn]:
    return [drawn(store, number) for number in numbers]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_curve_of_the_page_is_there_in_its_colour_width_and_dash(
    runs: Runs, store: Store, scheme: theme.Scheme
) -> None:
    (one,) = of(store, runs.parent)
    paths = parts(svg([one], Look(scheme=scheme)), "path")
    colour = theme.colours(scheme)
    for curve, line in curves(one.series):
        width = curve.style.get("line", {}).get("width", theme.CURVE)
        if not line.x or not width or curve.style["mode"] == "markers":
            continue
        dash = {theme.DOTTED: "3,3"}.get(curve.style.get("line", {}).get("dash"))
        assert [
            path for path in paths
            if path.get("stroke") == colour[curve.colour]
            and path.get("stroke-width") == f"{width:g}"
            and path.get("stroke-dasharray") == dash
        ], curve.key  # fmt: skip
    fills = {path.get("fill") for path in paths}
    assert {colour["best"], colour["cut"]} <= fills
    found = words(svg([one], Look(scheme=scheme)))
    assert {"validation", "train", "to beat", "rule", "learning rate", "loss"} <= set(found)


def test_each_schedule_is_drawn_at_any_size(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(datasets, "load", load)
    with closing(Store(tmp_path)) as store:
        numbers = [trained(store, small(schedule=s)) for s in SCHEDULES.values()]
        numbers.append(store.add(small()))  # one without an epoch
        for number in numbers:
            for width, height in ((240, 240), (1200, 800), (8000, 240)):
                text = svg(of(store, number), Look(width, height))
                root = ElementTree.fromstring(text)
                assert root.get("viewBox") == f"0 0 {width} {height}"
                assert not re.search(r"\b(nan|inf)\b", text)


def test_a_name_is_text_whatever_it_contains(runs: Runs, store: Store) -> None:
    one, other = of(store, runs.parent, runs.imported)
    strange = replace(one, run=replace(one.run, name=NAME))
    for chosen in ([strange], [strange, other]):
        text = svg(chosen, Look())
        assert parts(text, "script") == []
        assert any("<script>" in said or "</text>" in said for said in words(text))


def test_a_fork_has_the_epochs_that_it_shares_and_its_parent_behind_it(
    runs: Runs, store: Store
) -> None:
    (fork,) = of(store, runs.grandchild)
    assert [row.epoch for row in fork.rows] == [1, 2, 3, 4, 5, 6]
    assert fork.rows == lineage(store, runs.grandchild)
    assert "fork of 2" in words(svg([fork], Look()))
    assert [path for path in parts(svg([fork], Look()), "path") if path.get("opacity") == "0.35"]


def test_several_runs_have_a_colour_each_their_strips_and_their_names(
    runs: Runs, store: Store
) -> None:
    chosen = of(store, runs.parent, runs.fork, runs.grandchild)
    text = svg(chosen, Look(scheme="dark"))
    for i in range(3):
        colour = theme.COLOURS["dark"][theme.of_run(i)]
        assert len([p for p in parts(text, "path") if p.get("stroke") == colour]) == 2
    assert [said for said in words(text) if said.startswith(("1 ", "2 ", "3 "))]
    assert {"1", "2", "3", "validation loss"} <= set(words(text))


def test_runs_with_other_monitors_are_compared_by_what_they_share(runs: Runs, store: Store) -> None:
    assert common_metric(of(store, runs.parent, runs.fork)) == "val_loss"
    one, other = of(store, runs.parent, runs.imported)
    recipe = other.run.recipe.model_copy(update={"monitor": "loss"})
    other = replace(other, run=replace(other.run, recipe=recipe))
    assert common_metric([one, other]) in one.series.metrics
    many = [replace(one, run=replace(one.run, id=i)) for i in range(1, 41)]
    assert "validation loss" in words(svg(many, Look()))


def test_a_run_that_is_not_there_is_told_of(store: Store) -> None:
    with pytest.raises(CommandError, match="There is no run 77"):
        drawn(store, 77)


def contrast(one: str, other: str) -> float:
    """As WCAG defines it."""

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    a, b = sorted((light(one), light(other)), reverse=True)
    return (a + 0.05) / (b + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_names_of_runs_can_be_read(scheme: theme.Scheme) -> None:
    colours = theme.COLOURS[scheme]
    names = {theme.of_run(i) for i in range(20)}
    assert len(names) == len(theme.CATEGORICAL)
    assert all(contrast(colours[name], colours["panel"]) >= 4.5 for name in names)


def test_parameter_groups_are_named_at_the_ends_of_their_lrs(runs: Runs, store: Store) -> None:
    (one,) = of(store, runs.parent)
    lrs: dict[str, float | None] = {f"lr, group {number}": 1e-5 for number in (2, 3)}
    rows = [replace(row, metrics=row.metrics | lrs) for row in one.rows]
    points = series(one.run.recipe, rows, one.made, one.run.batches, one.run.epochs)
    found = words(svg([replace(one, rows=rows, series=points)], Look()))
    assert {"group 1", "groups 2, 3"} <= set(found)
    assert not {"group 1"} & set(words(svg([one], Look())))
