"""Rows that cannot be read keep neither the server from starting nor the others from the page."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from tests.recorded import FOLDER
from trainer.config.run import RunConfig
from trainer.store.rows import Unreadable
from trainer.store.run import Run
from trainer.store.store import Store, path_in

# What is wrong with one run each: the SQL that sets it.
WRONG = {
    1: "config = '{'",
    2: "epoch = 'x'",
    3: "status = 'training', owner = NULL",
    4: "status = 'training', owner = '../../away'",
    5: "status = 'training', owner = x'00ff'",
    6: "parent = id",
    7: "created = 9e999",
    8: "config = cast(x'ff7b7d' AS TEXT)",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which something is wrong with every run but the newest."""
    home = Path(shutil.copytree(FOLDER / "home-1", tmp_path / "home"))
    with closing(Store(home)) as store:
        store.stop(store.add(RunConfig()))
    with closing(sqlite3.connect(path_in(home))) as connection, connection:
        for run, wrong in WRONG.items():
            connection.execute(f"UPDATE runs SET {wrong} WHERE id = ?", (run,))
    return home


def test_a_home_with_damaged_rows_opens_and_shows_the_others(home: Path) -> None:
    with closing(Store(home)) as store:
        listed = {run.id: run for run in store.runs(50)}
        assert isinstance(listed[9], Run)
        assert {n for n, run in listed.items() if isinstance(run, Unreadable)} == {1, 2, 6, 7, 8}
        for orphan in (3, 4, 5):
            assert store.run(orphan).status == "interrupted"
    assert not (home.parent / "away.lock").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal")
def test_the_server_starts_and_answers(home: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "app", "--no-open", "--port", "0"],
        env={**os.environ, "LRSCOPE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("LRScope is at http://127.0.0.1:"), process.communicate()
        url = line.split()[3]
        with urllib.request.urlopen(f"{url}_dash-layout") as layout:
            assert "#9 " in json.dumps(json.load(layout), ensure_ascii=False)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0
    assert said == ""
