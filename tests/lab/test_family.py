"""The family and a fork's charts show a parent as it is now."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.lab.family import family
from app.lab.live import news
from app.lab.received import Cursor
from app.lab.whole import view_of
from tests.charts.test_series import CONFIG, FLAT
from tests.lab.test_live import record
from tests.lab.test_readout import STARTED
from tests.lab.test_unreadable import add, damage
from trainer.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


def test_a_run_that_cannot_be_read_is_listed_with_its_reason(store: Store) -> None:
    add(store, "one.csv")
    damage(store.path, add(store, "two.csv"))
    *_, last = family(store, None)
    assert str(last.children).startswith("Run 2 cannot be read: There is no setting")


def test_the_curves_behind_a_fork_grow_while_its_parent_trains(store: Store) -> None:
    parent = store.add(CONFIG, claimed=True)
    store.record(parent, STARTED)
    record(store, parent, FLAT[0])
    fork = store.add(CONFIG, parent=(parent, 1))
    view = view_of(store, fork, 0)
    cursor = Cursor.model_validate(view["cursor"])
    assert "drawn" not in news(store, cursor) or news(store, cursor)["drawn"] is None
    record(store, parent, FLAT[1])
    drawn = news(store, cursor)["drawn"]
    points = {key: (x, y) for key, x, y in drawn["traces"]}
    assert points["behind:val_loss"] == ([2], [FLAT[1].metrics["val_loss"]])
    assert points["behind_lr"][0] == [1.5, 2.5]
    after = cursor.model_copy(update={"behind": drawn["behind"]})
    assert news(store, after)["drawn"] is None
