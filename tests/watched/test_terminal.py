"""Watched runs on the terminal: taken in where no page does, told as what they are, asked."""

import json

from tests.cli.conftest import Here, here
from tests.schedule.by_torch import weight
from tests.watched.spools import SpoolWriter, epoch, start
from tests.watched.test_decisions import Lion
from tests.watched.test_taker import ALL, begin

__all__ = ["here"]


def test_runs_lists_a_training_that_no_page_has_seen(here: Here, tmp_path) -> None:
    SpoolWriter(tmp_path, [begin("my resnet", epochs=9), epoch(1)])
    code, said, error = here("runs", "--json")
    record = json.loads(said)
    assert (code, error) == (0, "")
    assert (record["name"], record["status"], record["source"]) == (
        "my resnet", "training", "watched",
    )  # fmt: skip
    assert (record["optimizer"], record["schedule"], record["epoch"]) == ("SGD", "none", 1)


def test_what_is_not_known_is_named_and_not_claimed(here: Here, tmp_path) -> None:
    scheduler = {"class": "Warm", "module": "my.rules", "state": {}, "parts": []}
    line = start(Lion(weight(), lr=0.1)) | {"scheduler": scheduler}
    SpoolWriter(tmp_path, [line, epoch(1)])
    record = json.loads(here("runs", "--json")[1])
    assert (record["optimizer"], record["schedule"]) == ("Lion", "Warm")
    said = here("show", "1")[1]
    assert "Lion" in said
    assert "Warm" in said
    assert "momentum" not in said


def test_control_reaches_a_training_that_no_page_takes_in(here: Here, tmp_path) -> None:
    spool = SpoolWriter(tmp_path, [begin(controls=ALL, epochs=9), epoch(1)])
    code, said, _ = here("control", "1", "scale", "0.5")
    assert code == 0
    assert said
    assert [(command["name"], command["value"]) for command in spool.asked()] == [("scale", 0.5)]


def test_control_refuses_what_the_training_does_not_obey(here: Here, tmp_path) -> None:
    SpoolWriter(tmp_path, [begin(epochs=9), epoch(1)])
    code, _, error = here("control", "1", "lr", "0.5")
    assert code == 2
    assert error == (
        "lrscope: Run 1 trains elsewhere and does not obey lr: pass control=True to watch().\n"
    )
