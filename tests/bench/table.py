"""What a part of the benchmark found: rows with their targets, as a table and as JSON."""

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from rich.table import Table

from trainer.config.text import significant

TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Plan:
    """What every part is told: the folder of the data sets, how often to measure, and on how many
    tasks an LR is found.
    """

    root: Path
    rounds: int
    tasks: int = 1


@dataclass(frozen=True)
class Figure:
    """What was measured of one side: a value a round, in `unit`."""

    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass(frozen=True)
class Target:
    """What a row is to reach: its ratio where it has one, else its own figure."""

    sense: Literal["at least", "at most"]
    bound: float
    of: Literal["median", "p95"] = "median"

    def is_met(self, values: tuple[float, ...]) -> bool:
        value = statistics.median(values) if self.of == "median" else p95(values)
        return value >= self.bound if self.sense == "at least" else value <= self.bound


@dataclass(frozen=True)
class Row:
    """One line of the table. `ratios`, a value a round, say how many times as fast, as long or as
    large LRScope is (`reads`).
    """

    what: str
    ours: Figure
    against: Figure | None = None
    ratios: tuple[float, ...] = ()
    reads: str = ""
    target: Target | None = None

    @property
    def compared(self) -> tuple[float, ...]:
        return self.ratios or self.ours.values

    @property
    def reached(self) -> bool | None:
        return self.target.is_met(self.compared) if self.target else None


@dataclass(frozen=True)
class Report:
    """What a part found. `note` says what is counted on either side; where nothing could be
    measured there are no rows, and it says why.
    """

    title: str
    note: str
    rows: list[Row] = field(default_factory=list)


def faster(what: str, ours: Figure, theirs: Figure, at_least: float | None = None) -> Row:
    """A row whose ratio says how many times as fast LRScope is."""
    target = None if at_least is None else Target("at least", at_least)
    return Row(what, ours, theirs, ratios(theirs.values, ours.values), "as fast", target)


def longer(
    what: str,
    ours: Figure,
    theirs: Figure,
    at_most: float | None = None,
    reads: str = "as long",
) -> Row:
    """A row whose ratio says how many times as long LRScope takes, or as large it is."""
    target = None if at_most is None else Target("at most", at_most)
    return Row(what, ours, theirs, ratios(ours.values, theirs.values), reads, target)


def ratios(above: tuple[float, ...], below: tuple[float, ...]) -> tuple[float, ...]:
    """Round by round, so that what slows the machine for a while slows both sides of a ratio."""
    return tuple(a / b for a, b in zip(above, below, strict=True))


def p95(values: tuple[float, ...]) -> float:
    """The value that 95 % of them do not exceed."""
    return percentile(values, 95)


def percentile(values: tuple[float, ...], percent: int) -> float:
    """The value that so many per cent of them do not exceed."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def machine() -> dict[str, str | int | float]:
    """What the figures were measured on, and how busy it was: the load of the last minute."""
    return {
        "platform": platform.platform(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0,
    }


def as_table(reports: dict[str, Report]) -> Table:
    """Every row; beside each median the smallest and the largest value of its rounds."""
    table = Table(title="LRScope, measured", title_justify="left")
    for heading in ("part", "what", "LRScope", "against"):
        table.add_column(heading, overflow="fold")
    table.add_column("ratio", overflow="fold")
    table.add_column("to reach")
    table.add_column("reached")
    for name, report in reports.items():
        if not report.rows:
            table.add_row(name, report.title, "not measured", "", "", "", "")
        for row in report.rows:
            table.add_row(
                name,
                row.what,
                _spread(row.ours.values, row.ours.unit),
                _named(row.against) if row.against else "",
                f"{_spread(row.ratios, TIMES)} {row.reads}" if row.ratios else "",
                _goal(row),
                "" if row.reached is None else "yes" if row.reached else "NO",
            )
            name = ""
        table.add_section()
    return table


def _spread(values: tuple[float, ...], unit: str) -> str:
    middle, least, most = map(number, (statistics.median(values), min(values), max(values)))
    return f"{middle} {unit}" + (f" ({least} to {most})" if len(values) > 1 else "")


def number(value: float) -> str:
    """Three digits, and never fewer than a whole number has."""
    return f"{value:,.0f}" if value >= 1000 else significant(value)


def _named(figure: Figure) -> str:
    return f"{figure.name}: {_spread(figure.values, figure.unit)}"


def _goal(row: Row) -> str:
    if row.target is None:
        return ""
    sign = "≥" if row.target.sense == "at least" else "≤"
    unit = TIMES if row.ratios else row.ours.unit
    goal = f"{sign} {row.target.bound:g} {unit}"
    if row.target.of == "p95":
        goal += f" at p95; it is {number(p95(row.compared))}"
    return goal


def as_json(reports: dict[str, Report]) -> str:
    """The same facts, with every round."""
    parts = {
        name: {
            "title": report.title,
            "note": report.note,
            "rows": [_plain(row) for row in report.rows],
        }
        for name, report in reports.items()
    }
    return json.dumps({"machine": machine(), "parts": parts}, indent=2, allow_nan=False)


def _plain(row: Row) -> dict[str, Any]:
    plain: dict[str, Any] = {**asdict(row), "reached": row.reached}
    plain["ours"]["median"] = row.ours.median
    if row.against:
        plain["against"]["median"] = row.against.median
    if row.ratios:
        plain["ratio"] = statistics.median(row.ratios)
    return plain
