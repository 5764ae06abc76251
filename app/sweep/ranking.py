"""The settings of a sweep from the best to the worst, as a table: also the heat map's numbers, for
who cannot see it or would rather use the keyboard. Pure.
"""

import math
from collections.abc import Sequence
from typing import Any

from app.sweep.heat_cells import SIGNS
from trainer.config.metrics import label as metric_label
from trainer.config.text import significant
from trainer.sweep.reading import Read
from trainer.sweep.settings import Standing, Tried, label, order, ranked, text

MARKS = {"best": "best", "within": "cannot be told from it"}
SO_FAR = "still trains: its value so far"


def definitions(read: Read) -> list[dict[str, Any]]:
    """The columns for the grid, at first in the order of their ranks. A column is sorted by the
    place of its value among the others, and shows its text (see `rows`).
    """
    columns = [("rank", "", 52), ("mean", metric_label(read.metric).capitalize(), 96)]
    columns += [(key, label(key), 88) for key in read.keys]
    columns += [("spread", "Seeds", 132)] if len({cell.seed for cell in read.cells}) > 1 else []
    columns += [
        ("at", "Best epoch", 92),
        ("status", "Status", 116),
        ("runs", "Runs", 116),
    ]
    return [
        {
            "colId": key,
            "field": f"{key}-place",
            "valueFormatter": {"function": f"params.data['{key}']"},
            "headerName": name,
            "headerTooltip": HINTS.get(key, name),
            "width": width,
            "sortable": True,
            "filter": False,
            "cellDataType": False,
            **({"cellClass": "number", "headerClass": "number"} if key != "status" else {}),
            **({"initialSort": "asc"} if key == "rank" else {}),
        }
        for key, name, width in columns
    ]


HINTS = {
    "rank": "1 is the best",
    "mean": "The best value; of several seeds the mean, by the logarithm",
    "spread": "From the lowest to the highest of the seeds",
    "at": "The epoch of the best value, in the middle of the seeds",
    "runs": "The runs, one for each seed",
}


def rows(read: Read, settings: Sequence[Tried], standing: Standing) -> list[dict[str, Any]]:
    """The rows for the grid, the best first; those without a value come last.

    Each has, beside a text and a place for each column, its `id`, the run to show as `run`, all its
    runs as `all`, whether it `ended`, and as `mark` whether it is the best, or cannot be told from
    it; `said` says this.
    """
    places = {key: order(settings, key) for key in read.keys}
    made = []
    for rank, i in enumerate(ranked(settings, standing, read.metric), 1):
        its = settings[i]
        mark = "best" if i == standing.best else "within" if i in standing.within else ""
        shown = {
            "rank": (str(rank) if its.mean is not None else "", rank),
            **{
                key: (text(key, its.values.get(key)), places[key].index(its.values.get(key)))
                for key in read.keys
            },
            "mean": ("" if its.mean is None else significant(its.mean), rank),
            "spread": (_spread(its), _width(its)),
            "at": ("" if its.at is None else str(its.at), its.at or 0),
            "status": (_status(its), list(SIGNS).index(its.status) if its.status in SIGNS else -1),
            "runs": (_runs(its), its.runs[0]),
        }
        row: dict[str, Any] = {"id": str(min(its.runs)), "run": its.best.run}
        ended = not any(cell.goes_on for cell in its.cells)
        said = [MARKS.get(mark, ""), "" if ended or its.mean is None else SO_FAR]
        row |= {"mark": mark, "said": "; ".join(filter(None, said)), "all": its.runs}
        row["ended"] = ended
        for key, (told, place) in shown.items():
            row |= {key: told, f"{key}-place": place}
        made.append(row)
    return made


def _spread(its: Tried) -> str:
    """From the lowest to the highest of the seeds; nothing of one seed."""
    measured = [cell for cell in its.cells if cell.best is not None]
    if len(measured) < 2 or its.low is None or its.high is None:
        return ""
    return f"{significant(its.low)} to {significant(its.high)}"


def _width(its: Tried) -> float:
    if its.low is None or its.high is None or its.low <= 0:
        return 0.0
    return math.log(its.high / its.low)


def _status(its: Tried) -> str:
    own = [cell for cell in its.cells if cell.status == its.status]
    word = "waiting" if its.status == "queued" else its.status
    done = min(cell.epoch for cell in own)
    after = f" after {done}" if its.status in ("stopped", "diverged", "failed") else ""
    count = f", {len(own)} of {len(its.cells)}" if len(own) < len(its.cells) else ""
    return f"{word}{after}{count}"


def _runs(its: Tried) -> str:
    """#12, or #12 to #14 where they follow each other, or the first three."""
    runs = its.runs
    if len(runs) > 2 and runs == list(range(runs[0], runs[0] + len(runs))):
        return f"#{runs[0]} to #{runs[-1]}"
    return ", ".join(f"#{run}" for run in runs[:3]) + (
        f" and {len(runs) - 3} more" if runs[3:] else ""
    )
