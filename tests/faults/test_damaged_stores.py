"""A store that is damaged, foreign, empty or truncated ends in a sentence, and its file is kept."""

import logging
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.lab.family import tree
from app.lab.live import news
from app.lab.received import Cursor
from app.lab.trouble import Trouble
from app.lab.whole import view_of
from app.run_picker import choices
from tests.bench.turns import until
from tests.faults.terminal import lrscope, sentence
from tests.faults.test_store_unusable import notice, working
from tests.recorded import FOLDER, recorded
from tests.small import load, small
from trainer.config.run import RunConfig
from trainer.engine import datasets
from trainer.engine.events import Progress
from trainer.schedule.trace import Trace
from trainer.store.faults import DamagedError, StoreError
from trainer.store.lineage import lineage, trees
from trainer.store.migrations import COLUMNS, MIGRATIONS
from trainer.store.schema import VERSION
from trainer.store.store import Store, path_in

RUNS = recorded("home-1")["runs"]
ASIDE = "lrscope-damaged-*.sqlite"


@cache
def whole() -> bytes:
    """The file of a store of the present version, with runs of every kind."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(shutil.copytree(FOLDER / "home-1", Path(folder) / "home"))
        with closing(Store(home)) as store:
            for epoch in range(1, 5):
                store.record(7, Progress(epoch, 9, 17, Trace((2.5, None) * 32, (0.01, 0.02) * 32)))
            store.rename(7, "seventh")
        return path_in(home).read_bytes()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path_in(tmp_path).write_bytes(whole())
    return tmp_path


def everything(store: Store) -> list[Any]:
    """All that the page reads of a store."""
    read: list[Any] = [choices(store, None), store.newest()]
    for run in range(1, len(RUNS) + 1):
        view = view_of(store, run, store.newest_started())
        read += [view["log"], news(store, Cursor(**{**view["cursor"], "epoch": 1}))]
        for rows in (store.epochs, store.traces, store.interventions, store.commands):
            read.append(rows(run))
        read.append(lineage(store, run))
    return [*read, [tree(store, root, None) for root in trees(store, 50)]]


def use(home: Path) -> str | None:
    """Open a home, read all of it and write to it; the sentence in which that ended, if it did."""
    try:
        with closing(Store(home)) as store:
            everything(store)
            store.add(RunConfig())
    except StoreError as error:
        return str(error)
    return None


def says_what_to_do(said: str) -> bool:
    return said.endswith(".") and "\n" not in said and "Error" not in said


SHARE = st.floats(0, 1, exclude_max=True)  # of the file's length
FLIPPED = st.lists(st.tuples(SHARE, st.integers(0, 255)), min_size=1, max_size=40)
# Each example opens, reads and writes a store: a fifth of what the profile draws elsewhere.
FEWER = settings(max_examples=settings.default.max_examples // 5)


@FEWER
@given(FLIPPED, st.none() | st.tuples(SHARE, st.integers()))
def test_damage_anywhere_ends_in_a_sentence_or_is_not_met(
    flipped: list[tuple[float, int]], noise: tuple[float, int] | None
) -> None:
    damaged = bytearray(whole())
    for share, byte in flipped:
        damaged[int(share * len(damaged))] = byte
    if noise is not None:
        share, seed = noise
        page = int(share * len(damaged)) // 4096 * 4096
        damaged[page : page + 4096] = Random(seed).randbytes(4096)
    with tempfile.TemporaryDirectory() as folder:
        path_in(Path(folder)).write_bytes(damaged)
        said = use(Path(folder))
    assert said is None or says_what_to_do(said)


@FEWER
@given(SHARE)
def test_a_truncated_store_is_refused_and_left_as_it_is(share: float) -> None:
    length = max(int(share * len(whole())), 1)
    with tempfile.TemporaryDirectory() as folder:
        path = path_in(Path(folder))
        path.write_bytes(whole()[:length])
        with pytest.raises(DamagedError, match="--fresh"):
            Store(Path(folder))
        assert path.read_bytes() == whole()[:length]


def other_tables(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE books (title TEXT)")
        connection.execute("INSERT INTO books VALUES ('The LR')")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()


def same_names(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (id INTEGER PRIMARY KEY, distance REAL)")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()


@pytest.mark.parametrize("version", range(-1, VERSION + 1))
@pytest.mark.parametrize("foreign", [other_tables, same_names])
def test_a_database_of_another_program_is_refused_and_not_touched(
    tmp_path: Path, foreign: Any, version: int
) -> None:
    path = path_in(tmp_path)
    foreign(path, version)
    before = path.read_bytes()
    with pytest.raises(DamagedError, match="is not a store of LRScope's"):
        Store(tmp_path)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("lrscope-version-*"))


def test_a_newer_store_is_refused_and_not_touched(home: Path) -> None:
    path = path_in(home)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    assert "newer LRScope" in sentence(lrscope("train", "--epochs", "1", home=home))
    assert "newer LRScope" in sentence(lrscope("--fresh", "--no-open", home=home))
    assert path.read_bytes() == before


def test_every_version_before_this_one_says_which_columns_it_had() -> None:
    assert COLUMNS.keys() == MIGRATIONS.keys()


def test_a_start_that_left_an_empty_file_is_made_good_by_the_next(tmp_path: Path) -> None:
    path_in(tmp_path).touch()
    assert use(tmp_path) is None


@pytest.mark.parametrize("left", ["lrscope.sqlite-wal", "runs/3/epoch-00001.pt"])
def test_a_store_that_was_emptied_is_refused(tmp_path: Path, left: str) -> None:
    path_in(tmp_path).touch()
    (tmp_path / left).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / left).write_bytes(b"what was recorded")
    with pytest.raises(DamagedError, match="it is empty"):
        Store(tmp_path)
    assert (tmp_path / left).read_bytes() == b"what was recorded"


# Doors

COMMANDS = [
    ["train", "--epochs", "1"],
    ["import", "curve.csv"],
    ["replay", "1"],
    ["fork", "1", "1"],
    ["resume", "3"],
    ["control", "1", "pause"],
    ["--no-open", "--port", "0"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("wrong", ["noise", "foreign", "truncated"])
def test_every_command_says_it_in_one_sentence(
    home: Path, command: list[str], wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    Path("curve.csv").write_text("epoch,loss\n1,2\n2,1\n")
    path = path_in(home)
    if wrong == "foreign":
        path.unlink()
        other_tables(path, VERSION)
    else:
        path.write_bytes(path.read_bytes()[:5000] if wrong == "truncated" else os.urandom(9000))
    before = path.read_bytes()
    said = sentence(lrscope(*command, home=home))
    assert said.startswith(f"lrscope: {path} is damaged or is not a store of LRScope's (")
    assert "--fresh" in said
    assert path.read_bytes() == before
    assert not list(home.glob(ASIDE))


# Pages of a store that is one

TABLES = ["runs", "epochs", "best", "commands", "interventions"]
INDEXES = ["runs_by_status", "commands_by_run", "interventions_by_run", "sqlite_sequence"]


def overwrite(path: Path, *names: str, with_byte: int = 0xAA) -> bytes:
    """Overwrite the beginning of the first page of these tables; returns the file's new bytes."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        pages = dict(connection.execute("SELECT name, rootpage FROM sqlite_master"))
    with path.open("r+b") as file:
        for name in names:
            file.seek((pages[name] - 1) * size)
            file.write(bytes([with_byte]) * 64)
    return path.read_bytes()


@pytest.mark.parametrize("byte", [0, 0xAA])
@pytest.mark.parametrize("table", [*TABLES, *INDEXES])
def test_a_damaged_page_is_found_before_anything_is_written(
    home: Path, table: str, byte: int
) -> None:
    before = overwrite(path_in(home), table, with_byte=byte)
    with pytest.raises(DamagedError, match="--fresh") as raised:
        Store(home)
    assert says_what_to_do(str(raised.value))
    assert path_in(home).read_bytes() == before


@pytest.mark.parametrize(
    "command", [*COMMANDS[:2], *COMMANDS[3:5], COMMANDS[-1]], ids=lambda c: c[0]
)
@pytest.mark.parametrize("table", TABLES)
def test_no_command_writes_to_a_store_with_a_damaged_page(
    home: Path, table: str, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    Path("curve.csv").write_text("epoch,loss\n1,2\n2,1\n")
    before = overwrite(path_in(home), table)
    said = sentence(lrscope(*command, home=home))
    assert said.startswith(f"lrscope: {path_in(home)} is damaged or is not a store of LRScope's (")
    assert path_in(home).read_bytes() == before


def test_a_store_with_a_damaged_page_is_replaced_when_asked_for(home: Path) -> None:
    before = overwrite(path_in(home), "commands")
    lrscope("--fresh", "--no-open", "--host", "192.0.2.1", home=home)
    (aside,) = home.glob(ASIDE)
    assert aside.read_bytes() == before


@pytest.mark.parametrize(
    "table", ["epochs", "best", "interventions_by_run", "commands_by_run", "runs_by_status"]
)
def test_damage_that_is_met_later_ends_the_writing_in_one_sentence(
    home: Path, table: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(datasets, "load", load)
    caplog.set_level(logging.WARNING)
    with closing(Store(home)) as store:
        run = store.add(small())
        overwrite(store.path, table)
        with working(store) as worker:
            until(lambda: worker.trouble() is not None)
            said = str(worker.trouble())
            assert said.startswith(f"{store.path} is damaged")
            assert says_what_to_do(said)
            log = store.path.with_name("lrscope.sqlite-wal")
            before = store.path.read_bytes(), log.read_bytes()
            assert notice(store, run, worker) == said
            assert Trouble(store, worker).of(None) == said
            for write in (
                lambda: store.add(RunConfig()),
                lambda: store.set_pace(run, 1),
                lambda: store.stop(run),
            ):
                with pytest.raises(DamagedError, match="is damaged"):
                    write()
            assert store.refusal() == said
            assert (store.path.read_bytes(), log.read_bytes()) == before
    (told,) = caplog.records
    assert (told.getMessage(), told.exc_info) == (said, None)


# A fresh one, when asked for


@pytest.fixture
def damaged(home: Path) -> Path:
    """A home with a damaged store, its log, and snapshots of runs 7 and 12."""
    path_in(home).write_bytes(b"no store " * 1000)
    (home / "lrscope.sqlite-wal").write_bytes(b"a log")
    for run in ("7", "12"):
        (home / "runs" / run).mkdir(parents=True)
        (home / "runs" / run / "epoch-00001.pt").write_bytes(run.encode())
    return home


def test_a_fresh_store_is_begun_beside_the_damaged_one_when_asked_for(damaged: Path) -> None:
    # The port is no number of this machine's: the store is opened before, and nothing is served.
    done = lrscope("--fresh", "--no-open", "--host", "192.0.2.1", home=damaged)
    assert "Traceback" not in done.stderr
    (aside,) = damaged.glob(ASIDE)
    assert f"is kept as {aside.name}" in done.stderr
    assert aside.read_bytes() == b"no store " * 1000
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == b"a log"
    assert use(damaged) is None


def test_a_fresh_store_never_takes_the_snapshots_of_the_damaged_one(damaged: Path) -> None:
    lrscope("--fresh", "--no-open", "--host", "192.0.2.1", home=damaged)
    with closing(Store(damaged)) as store:
        assert store.add(RunConfig()) == 13
    assert (damaged / "runs" / "12" / "epoch-00001.pt").read_bytes() == b"12"


def test_two_damaged_stores_of_one_day_are_both_kept(damaged: Path) -> None:
    for content in (b"first", b"second"):
        path_in(damaged).write_bytes(content * 1000)
        lrscope("--fresh", "--no-open", "--host", "192.0.2.1", home=damaged)
    kept = {path.read_bytes() for path in damaged.glob(ASIDE)}
    assert kept == {b"first" * 1000, b"second" * 1000}


def test_a_store_with_which_nothing_is_wrong_is_not_replaced(home: Path) -> None:
    before = path_in(home).read_bytes()
    said = sentence(lrscope("--fresh", "--no-open", home=home))
    assert "Nothing is wrong with" in said
    assert path_in(home).read_bytes() == before


def test_a_store_in_use_is_not_replaced(home: Path) -> None:
    with closing(Store(home)):
        said = sentence(lrscope("--fresh", "--no-open", home=home))
    assert "Another LRScope is using" in said
    assert not list(home.glob(ASIDE))
