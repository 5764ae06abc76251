"""A page is small enough for a mail, however long its runs; what cannot be is refused."""

import base64
import json
import math
import re
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.picture.drawn import Drawn, drawn
from app.picture.html import MOST_BYTES, html
from trainer.curves.csv import read
from trainer.curves.importing import import_curve
from trainer.export.error import ExportError
from trainer.store.store import Store


def long(store: Store, folder: Path, epochs: int) -> Drawn:
    """A run of so many epochs, whose losses have all their digits."""
    losses = [math.exp(-3 * i / epochs) + 0.01 * math.sin(37 * i) for i in range(epochs)]
    file = folder / "curve.csv"
    file.write_text("loss\n" + "".join(f"{loss!r}\n" for loss in losses))
    return drawn(store, import_curve(store, read(file), {}))


def data(page: str) -> Any:
    found = re.search('<script type="application/json" id="data">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


def test_a_page_of_a_long_run_or_of_many_can_be_sent_by_mail(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        one = long(store, tmp_path, 10_000)
        page = html(store, [one])
        assert len(page.encode()) <= MOST_BYTES
        (run,) = data(page)["runs"]
        values = struct.unpack("<10000d", base64.b64decode(run["values"]))
        assert list(values) == [row.metrics["val_loss"] for row in one.rows]
        assert {event[1] for event in run["events"]} >= {"cut"}
        short = long(store, tmp_path, 1_000)
        many = html(store, [short] * 50)
        assert len(many.encode()) <= MOST_BYTES
        assert len(data(many)["runs"]) == 50
        few = data(html(store, [short]))["runs"][0]
        assert len(few["events"]) == 1_000  # of a short one every epoch has its sentence
        with pytest.raises(ExportError, match="too many for one HTML file"):
            html(store, [short] * 200)
