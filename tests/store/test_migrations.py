"""A store of an earlier version opens whole, and what cannot be read stops nothing else."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.recorded import FOLDER, recorded
from trainer.config import versions
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.engine.events import Failed, Progress
from trainer.execute import execute
from trainer.schedule.epoch import Epoch
from trainer.schedule.trace import Trace
from trainer.store import lineage, migrations
from trainer.store.database import Database
from trainer.store.faults import StoreError
from trainer.store.migrations import MIGRATIONS, backup_path
from trainer.store.rows import Unreadable, UnreadableError
from trainer.store.run import Elsewhere, Run
from trainer.store.schema import EPOCH_COLUMNS, VERSION
from trainer.store.store import Store

HOME, SECOND = recorded("home-1")["runs"], recorded("home-2")["runs"]
IMPORTED = 5


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that version 1 of the store wrote."""
    shutil.copytree(FOLDER / "home-1", tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Store]:
    """A home that version 2 of the store wrote, opened."""
    shutil.copytree(FOLDER / "home-2", tmp_path / "second")
    with closing(Store(tmp_path / "second")) as store:
        yield store


@pytest.fixture
def third(tmp_path: Path) -> Iterator[Store]:
    """A home that version 3 of the store wrote, opened."""
    shutil.copytree(FOLDER / "home-3", tmp_path / "third")
    with closing(Store(tmp_path / "third")) as store:
        yield store


@pytest.fixture
def fourth(tmp_path: Path) -> Iterator[Store]:
    """A home that version 4 of the store wrote, opened."""
    shutil.copytree(FOLDER / "home-4", tmp_path / "fourth")
    with closing(Store(tmp_path / "fourth")) as store:
        yield store


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with closing(Store(home)) as store:
        yield store


def rows_of(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def execute_in(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


def columns(path: Path) -> dict[str, set[tuple[Any, ...]]]:
    """Each table's columns: name, type, not null, part of the key."""
    tables = [
        name for (name,) in rows_of(path, "SELECT name FROM sqlite_master WHERE type='table'")
    ]
    return {
        table: {(c[1], c[2], c[3], c[5]) for c in rows_of(path, f"PRAGMA table_info({table})")}
        for table in tables
    }


def indexes(path: Path) -> set[str]:
    found = rows_of(path, "SELECT name FROM sqlite_master WHERE type='index' AND sql IS NOT NULL")
    return {name for (name,) in found}


def test_every_version_before_this_one_has_a_migration() -> None:
    assert sorted(MIGRATIONS) == list(range(1, VERSION))


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_migrated_store_is_laid_out_as_a_fresh_one(tmp_path: Path, version: int) -> None:
    shutil.copytree(FOLDER / f"home-{version}", tmp_path / "old")
    with closing(Store(tmp_path / "old")) as store, closing(Store(tmp_path / "fresh")) as fresh:
        assert columns(store.path) == columns(fresh.path)
        assert indexes(store.path) == indexes(fresh.path)


def test_a_run_of_version_2_has_no_name_and_no_trace_and_may_get_them(second: Store) -> None:
    for run in map(int, SECOND):
        assert second.run(run).name is None
        assert second.traces(run) == {}
    second.rename(3, "one cycle")
    second.record(3, Progress(3, 2, 9, Trace((1.5, 1.25))))
    assert second.run(3).name == "one cycle"
    assert second.traces(3) == {3: Trace((1.5, 1.25))}


def test_the_epochs_of_version_2_are_where_they_were(second: Store) -> None:
    copy = backup_path(second.path, 2)
    for table in ("epochs", "best", "commands", "interventions"):
        rows = rows_of(copy, f"SELECT * FROM {table}")
        assert rows
        assert rows_of(second.path, f"SELECT * FROM {table}") == rows


def test_a_run_of_version_3_trained_here_and_may_train_elsewhere_from_now_on(third: Store) -> None:
    for run in third.runs(50, archived=True):
        assert (run.controls, run.elsewhere) == (None, None)
    known = Elsewhere("train.py", batches=7)
    new = third.add_live(Recipe(), "watched", "train.py", None, elsewhere=known, spool="a" * 32)
    assert third.run(new).elsewhere == known
    assert third.spools() == {"a" * 32: (new, 0)}


def test_a_run_of_version_4_is_no_cell_and_sweeps_go_on_after_the_last_run(fourth: Store) -> None:
    runs = fourth.runs(50, archived=True)
    assert [run.sweep for run in runs] == [None] * 6
    assert fourth.sweeps() == []
    sweep = fourth.add_sweep("grid", RunConfig(), {"axes": []}, [RunConfig(), RunConfig(lr=0.1)])
    assert [(cell.id, cell.sweep) for cell in fourth.cells(sweep)] == [(7, sweep), (8, sweep)]


def test_the_epochs_and_spools_of_version_4_are_where_they_were(fourth: Store) -> None:
    copy = backup_path(fourth.path, 4)
    for table in ("epochs", "traces", "best", "commands", "interventions", "spools"):
        rows = rows_of(copy, f"SELECT * FROM {table}")
        assert rows
        assert rows_of(fourth.path, f"SELECT * FROM {table}") == rows


def test_the_columns_of_an_epoch_are_the_fields_of_its_record(store: Store) -> None:
    laid_out = {name for name, *_ in columns(store.path)["epochs"]}
    assert laid_out == {"run", *EPOCH_COLUMNS}
    assert set(EPOCH_COLUMNS) == set(Epoch.__slots__)


def test_the_best_of_every_metric_is_known_as_if_it_had_been_kept_all_along(store: Store) -> None:
    for run in map(int, HOME):
        for metric in ("train_loss", "val_loss", "val_accuracy"):
            values = [(row.metrics.get(metric), row.epoch) for row in store.epochs(run)]
            known = [(value, epoch) for value, epoch in values if value is not None]
            best = store.best(run, metric)
            if not known:
                assert best is None
                continue
            sign = -1 if metric == "val_accuracy" else 1
            assert best is not None
            assert best.epoch == min(known, key=lambda pair: (sign * pair[0], pair[1]))[1]


def test_numbers_go_on_after_the_last_run_of_the_version_before(store: Store) -> None:
    assert store.add(RunConfig()) == max(map(int, HOME)) + 1


def test_a_run_says_where_it_is_from(store: Store) -> None:
    files = dict(rows_of(backup_path(store.path, 1), "SELECT id, source FROM runs"))
    for number, file in files.items():
        run = store.run(number)
        assert run is not None
        assert (run.source, run.origin) == ("imported" if file else "trained", file)


def test_an_imported_run_keeps_only_what_was_known_of_it(store: Store) -> None:
    run = store.run(IMPORTED)
    assert run is not None
    assert (type(run.recipe), run.config) == (Recipe, None)
    assert run.origin
    assert all(set(row.metrics) == {"train_loss"} for row in store.epochs(IMPORTED))


def test_a_pause_that_was_ended_under_the_old_word_is_ended_under_the_new(home: Path) -> None:
    path = home / "lrscope.sqlite"
    execute_in(path, "INSERT INTO commands (run, at, name) VALUES (1, 0, 'resume')")
    with closing(Store(home)) as store:
        assert store.commands(1)[-1].name == "unpause"


def test_a_copy_of_the_file_is_kept_as_it_was(home: Path) -> None:
    path = home / "lrscope.sqlite"
    before = {t: rows_of(path, f"SELECT * FROM {t}") for t in ("runs", "epochs", "commands")}
    Store(home).close()
    copy = backup_path(path, 1)
    assert copy.name == "lrscope-version-1.sqlite"
    assert rows_of(copy, "PRAGMA user_version") == [(1,)]
    for table, rows in before.items():
        assert rows_of(copy, f"SELECT * FROM {table}") == rows


def test_a_copy_that_is_there_already_is_never_written_over(home: Path) -> None:
    copy = backup_path(home / "lrscope.sqlite", 1)
    copy.write_text("kept")
    Store(home).close()
    assert copy.read_text() == "kept"


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate = MIGRATIONS[1]

    def half(connection: sqlite3.Connection) -> None:
        migrate(connection)
        raise sqlite3.OperationalError("database or disk is full")

    path = home / "lrscope.sqlite"
    before = columns(path)
    monkeypatch.setitem(migrations.MIGRATIONS, 1, half)
    with pytest.raises(StoreError, match="disk is full"):
        Store(home)
    assert columns(path) == before
    assert rows_of(path, "PRAGMA user_version") == [(1,)]
    monkeypatch.undo()
    with closing(Store(home)) as store:
        assert store.run(1) is not None


def test_a_store_that_is_up_to_date_is_not_copied(home: Path) -> None:
    Store(home).close()
    backup_path(home / "lrscope.sqlite", 1).unlink()
    Store(home).close()
    assert [path.name for path in home.glob("*.sqlite")] == ["lrscope.sqlite"]


OPEN = """
import sys
from pathlib import Path
from trainer.store.store import Store

sys.stdin.readline()
store = Store(Path(sys.argv[1]))
print(len(store.runs(50)), flush=True)
store.close()
"""


def test_many_processes_that_open_an_old_home_at_once_all_see_it_whole(home: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, home],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("now\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in processes] == [f"{len(HOME)}\n"] * 6
    assert rows_of(backup_path(home / "lrscope.sqlite", 1), "PRAGMA user_version") == [(1,)]


def test_a_store_that_an_earlier_lrscope_is_using_is_not_migrated_under_it(home: Path) -> None:
    (home / "owners").mkdir(exist_ok=True)
    with FileLock(home / "owners" / "another.lock"), pytest.raises(StoreError, match="stop that"):
        Store(home)
    path = home / "lrscope.sqlite"
    assert rows_of(path, "PRAGMA user_version") == [(1,)]
    assert not backup_path(path, 1).exists()
    with closing(Store(home)) as store:
        assert store.run(1) is not None


def test_a_newer_store_is_refused_in_words_and_left_alone(home: Path) -> None:
    path = home / "lrscope.sqlite"
    execute_in(path, f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match=r"newer LRScope .*; update LRScope, or choose"):
        Database(path)
    assert rows_of(path, "PRAGMA user_version") == [(VERSION + 1,)]
    assert not backup_path(path, 1).exists()


# What cannot be read


def rename_key(path: Path, run: int, old: str, new: str) -> None:
    ((text,),) = rows_of(path, f"SELECT config FROM runs WHERE id = {run}")
    config = json.loads(text)
    config[new] = config.pop(old)
    execute_in(path, "UPDATE runs SET config = ? WHERE id = ?", json.dumps(config), run)


def test_a_run_that_cannot_be_read_is_listed_with_the_reason(store: Store) -> None:
    rename_key(store.path, 2, "lr", "learning_rate")
    listed = {run.id: run for run in store.runs(50)}
    assert listed.keys() == set(map(int, HOME))
    assert listed[2] == Unreadable(2, "Run 2 cannot be read: There is no setting 'learning_rate'.")
    assert all(isinstance(run, Run) for number, run in listed.items() if number != 2)
    with pytest.raises(UnreadableError, match="Run 2 cannot be read"):
        store.run(2)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("config", "no JSON"),
        ("config", "[]"),
        ("config", '{"lr": "fast"}'),
        ("config_version", versions.VERSION + 1),
        ("started", '{"device": "cpu"}'),
        ("decision", '{"kind": "guessed"}'),
        ("decision", "null"),
        ("config_version", 0),
        ("status", "thinking"),
        ("source", "dreamt"),
        ("epoch", "many"),
        ("epoch", b"3"),
        ("batch", 1.5),
        ("created", float("inf")),
        ("pace", "fast"),
        ("controls", '["fly"]'),
        ("controls", "no JSON"),
        ("elsewhere", "[]"),
        ("parent", 2),
        ("parent", 99),
        (
            "started",
            '{"device": "cpu", "threads": 2, "batches": 0, "train": 1, "val": 1, '
            '"test": 1, "classes": 10, "parameters": 1}',
        ),
    ],
)
def test_whatever_is_wrong_with_a_row_the_others_are_read(
    store: Store, column: str, value: object
) -> None:
    execute_in(store.path, f"UPDATE runs SET {column} = ? WHERE id = 2", value)
    unreadable = [run for run in store.runs(50) if isinstance(run, Unreadable)]
    assert [run.id for run in unreadable] == [2]
    assert unreadable[0].reason.startswith("Run 2 cannot be read: ")
    assert "\n" not in unreadable[0].reason
    assert len(store.epochs(1)) == len(HOME["1"]["rows"])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("decision", "{}"),
        ("decision", "null"),
        ("metrics", "[1]"),
        ("metrics", '{"loss": "x"}'),
        ("metrics", '{"loss": 1e999}'),
        ("metrics", b"{}"),
        ("lr", "x"),
        ("lr_last", float("inf")),
        ("seconds", b"1"),
    ],
)
def test_an_epoch_that_cannot_be_read_says_which(store: Store, column: str, value: object) -> None:
    execute_in(store.path, f"UPDATE epochs SET {column} = ? WHERE run = 1 AND epoch = 2", value)
    with pytest.raises(UnreadableError, match="Run 1 cannot be read: epoch 2: "):
        store.epochs(1)


@pytest.mark.parametrize("column", ["metrics", "decision"])
def test_an_epoch_that_is_no_json_is_told_by_the_name_of_its_part(
    store: Store, column: str
) -> None:
    execute_in(store.path, f"UPDATE epochs SET {column} = 'nonsense' WHERE run = 1 AND epoch = 2")
    with pytest.raises(UnreadableError) as raised:
        store.epochs(1)
    said = f"Run 1 cannot be read: epoch 2: there is no valid JSON in its {column}."
    assert str(raised.value) == said


@pytest.mark.parametrize("column", ["config", "decision", "started"])
def test_a_run_that_is_no_json_is_told_by_the_name_of_its_part(store: Store, column: str) -> None:
    execute_in(store.path, f"UPDATE runs SET {column} = 'nonsense' WHERE id = 2")
    part = "start" if column == "started" else column
    with pytest.raises(UnreadableError) as raised:
        store.run(2)
    assert str(raised.value) == f"Run 2 cannot be read: there is no valid JSON in its {part}."


@pytest.mark.parametrize(
    ("column", "value"),
    [("name", "faster"), ("value", "x"), ("lr_after", float("inf")), ("at", "")],
)
def test_an_intervention_that_cannot_be_read_says_which(
    store: Store, column: str, value: object
) -> None:
    (run,) = {run for run in map(int, HOME) if store.interventions(run)} & {1}
    execute_in(store.path, f"UPDATE interventions SET {column} = ? WHERE run = 1", value)
    with pytest.raises(UnreadableError, match=f"Run {run} cannot be read: intervention "):
        store.interventions(run)


@pytest.mark.parametrize(
    "value",
    ["", "{}", "null", "[[1.0]]", '[["x"],[]]', "[[1e999],[]]", "[[1],[null]]", b"[[],[]]", 1],
)
def test_a_trace_that_cannot_be_read_says_which_and_the_epochs_are_read(
    store: Store, value: object
) -> None:
    execute_in(store.path, "INSERT INTO traces VALUES (1, 2, ?)", value)
    with pytest.raises(UnreadableError, match="Run 1 cannot be read: the trace of epoch 2: "):
        store.traces(1)
    assert len(store.epochs(1)) == len(HOME["1"]["rows"])


def test_epochs_that_cannot_have_been_added_make_a_run_unreadable(store: Store) -> None:
    execute_in(
        store.path,
        "INSERT INTO interventions (run, at, epoch, batch, name, value, lr_before, lr_after, "
        "sentence) VALUES (2, 0, 1, 0, 'epochs', -1e300, 1, 1, '')",
    )
    with pytest.raises(UnreadableError, match="Run 2 cannot be read"):
        store.run(2)


def test_a_best_epoch_that_is_gone_is_no_best(store: Store) -> None:
    execute_in(store.path, "UPDATE best SET epoch = 99 WHERE run = 1")
    assert store.best(1, "val_loss") is None


def test_resuming_a_run_that_cannot_be_read_says_so_and_leaves_it_alone(store: Store) -> None:
    rename_key(store.path, 3, "lr", "learning_rate")
    before = rows_of(store.path, "SELECT status, reason FROM runs WHERE id = 3")
    with pytest.raises(UnreadableError, match="Run 3 cannot be read"):
        store.resume(3, claimed=True)
    assert rows_of(store.path, "SELECT status, reason FROM runs WHERE id = 3") == before


def test_a_run_whose_epoch_cannot_be_read_fails_in_that_sentence(store: Store) -> None:
    execute_in(store.path, "UPDATE epochs SET decision = '{}' WHERE run = 3 AND epoch = 2")
    store.resume(3, claimed=True)
    *_, last = execute(store, 3, Path("no-such-folder"))
    assert isinstance(last, Failed)
    assert last.reason.startswith("Run 3 cannot be read: epoch 2: ")


def test_the_family_is_drawn_without_a_parent_that_cannot_be_read(store: Store) -> None:
    child = next(int(n) for n, run in HOME.items() if run["parent"])
    parent = HOME[str(child)]["parent"]
    rename_key(store.path, parent, "lr", "learning_rate")
    roots = [member.run.id for member in lineage.trees(store, 50)]
    assert child in roots
    assert parent not in roots


def test_a_queued_run_that_cannot_be_read_fails_in_words_and_the_next_is_trained(
    store: Store,
) -> None:
    run = store.add(RunConfig(), claimed=True)
    rename_key(store.path, run, "lr", "learning_rate")
    (event,) = execute(store, run, Path("no-such-folder"))
    assert isinstance(event, Failed)
    ((status, reason),) = rows_of(store.path, f"SELECT status, reason FROM runs WHERE id = {run}")
    assert (status, reason) == ("failed", event.reason)


# Configs by version


def test_every_version_of_a_config_before_this_one_has_an_upgrade() -> None:
    assert sorted(versions.UPGRADES) == list(range(1, versions.VERSION))


def test_a_config_of_version_1_comes_back_the_same() -> None:
    config = RunConfig(lr=1 / 3, seed=7)
    assert versions.read(RunConfig, config.model_dump_json(), 1) == config


def test_a_config_of_a_newer_version_is_refused() -> None:
    with pytest.raises(ValueError, match="newer LRScope"):
        versions.read(RunConfig, "{}", versions.VERSION + 1)


def test_a_setting_that_there_never_was_is_not_dropped_in_silence() -> None:
    with pytest.raises(ValueError, match="learning_rate"):
        versions.read(Recipe, '{"learning_rate": 0.1}', 1)
