"""The columns of the table of runs."""

from collections.abc import Collection, Iterator
from typing import Any

from trainer.store.listing_columns import BY_KEY, COLUMNS, Kind

# Before the settings and after them; title, and width in pixels.
FIRST = {
    "id": ("#", 64),
    "starred": ("★", 44),
    "name": ("Name", 230),
    "status": ("Status", 106),
    "curve": ("Loss over LR", 124),
    "best": ("Best", 84),
}
LAST = {
    "last": ("Last", 84),
    "test-accuracy": ("Test accuracy", 92),
    "epoch": ("Epochs", 92),
    "seconds": ("Seconds", 92),
    "began": ("Begun", 148),
    "parent": ("Parent", 84),
    "sweep": ("Sweep", 84),
    "tags": ("Tags", 140),
    "note": ("Note", 180),
    "source": ("Source", 98),
}
# Those of the settings that are always shown: what differs comes first, the rest last.
SHOWN = ("dataset", "model", "optimizer", "schedule", "lr", "factor", "patience")
WIDE = {"schedule": 190, "dataset": 124, "optimizer": 98, "model": 92, "lr": 84}
HINTS = {
    "best": "The best value of the run's monitor; a click sorts from the best run",
    "last": "The last value of the run's monitor; a click sorts from the best run",
    "curve": "Above the loss, below the learning rate, both logarithmic",
    "starred": "Star",
    "sweep": "The sweep that it is a cell of",
    "epochs": "The epochs that are planned, with those added by hand",
    "epoch": "The epochs that are done",
}
RENDERED = {
    "id": "RunNumber",
    "starred": "RunStar",
    "name": "RunName",
    "status": "RunStatus",
    "curve": "RunCurve",
    "began": "RunTime",
    "parent": "RunNumber",
    "sweep": "RunSweep",
    "tags": "RunTags",
}
EDITED = ("name", "tags", "note")
TITLES = {"lr": "LR", "epochs": "Planned"}
ON_A_PHONE = ("id", "name", "status", "curve", "best", "lr", "epoch", "began")


def definitions(differing: Collection[str]) -> list[dict[str, Any]]:
    """The columns for the grid: those settings in which the runs differ before those in which they
    do not; of the other settings, those of every run are shown if the runs differ in them.
    """
    keys = [key for key in BY_KEY if key not in FIRST | LAST]
    shown = [key for key in keys if key in SHOWN]
    own = [key for key in keys if key in differing and BY_KEY[key][0].owner is None]
    first = [key for key in [*SHOWN, *own] if key in differing]
    first = list(dict.fromkeys(first))
    rest = [key for key in shown if key not in first]
    hidden = [key for key in keys if key not in {*first, *rest}]
    return [
        *(_definition(key, title, width) for key, (title, width) in FIRST.items()),
        *_settings(first),
        *(_definition(key, title, width) for key, (title, width) in LAST.items()),
        *_settings(rest),
        *({**column, "hide": True} for column in _settings(hidden)),
    ]


def _settings(keys: Collection[str]) -> Iterator[dict[str, Any]]:
    for key in keys:
        setting = BY_KEY[key][0]
        column = _definition(key, TITLES.get(key, setting.label), WIDE.get(key, 104))
        yield {**column, "headerTooltip": HINTS.get(key, setting.help)}


def _definition(key: str, title: str, width: int) -> dict[str, Any]:
    kind: Kind | None = COLUMNS[key].kind if key in COLUMNS else None
    column: dict[str, Any] = {
        "colId": key,
        "field": key,
        "headerName": title,
        "headerTooltip": HINTS.get(key, title),
        "width": width,
        "sortable": kind is not None,
        "filter": False,
        "cellDataType": False,
    }
    if kind == "text" and key != "status":
        column |= {"filter": "agTextColumnFilter", "filterParams": _filter(TEXT)}
    elif key == "began":
        column |= {"filter": "agDateColumnFilter", "filterParams": _filter(NUMBER)}
    elif kind == "number" and key != "starred":
        column |= {"filter": "agNumberColumnFilter", "filterParams": _filter(NUMBER)}
    if kind == "number" and key not in ("id", "starred", "began", "parent", "sweep"):
        column |= {"cellClass": "number", "headerClass": "number"}
    if key in RENDERED:
        column["cellRenderer"] = RENDERED[key]
    if key in EDITED:
        column["editable"] = True
    if key in ("id", "began", "test-accuracy"):
        column["sortingOrder"] = ["desc", "asc", None]
    return column


TEXT = ["contains", "notContains"]
NUMBER = ["lessThan", "greaterThan", "inRange"]


def _filter(options: list[str]) -> dict[str, Any]:
    return {
        "filterOptions": options,
        "maxNumConditions": 1,
        "buttons": ["reset"],
        "inRangeInclusive": True,
    }
