"""Who may import whom, what is loaded only when needed, and that the page needs no network."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.config.schedules import SCHEDULES

ROOT = Path(__file__).parents[1]
TRAINER = sorted((ROOT / "trainer").glob("**/*.py"))
APP = sorted((ROOT / "app").glob("**/*.py"))
PAGE = {"app", "dash", "dash_mantine_components", "flask", "plotly", "waitress"}
TORCH = {"torch", "torchvision", "numpy", "sklearn", "tensorboard"}
TORCH_FREE = """
    config.fields config.metrics config.optimizers config.schedules config.recipe config.run
    config.text config.table config.forks config.versions schedule.decisions schedule.epoch
    schedule.interventions engine.events engine.control engine.environment folders store.schema
    store.migrations store.database store.owners store.rows store.recording store.store
    store.lineage snapshots.files snapshots.retention snapshots.retraining replay.comparison
    replay.keras_fastai curves.columns curves.csv curves.tensorboard execute worker
"""
# From the ground up; an import never runs up.
FLOORS = [
    "config folders",
    "schedule",
    "replay",
]


def imported(path, top_level=False):
    """Every module that a file imports; at its top level only, also under `if` and `try`."""
    nodes = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join([*here, *(node.module or "").split(".")]).rstrip(".")
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)
        elif top_level and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        nodes.extend(ast.iter_child_nodes(node))


def packages(modules):
    return {module.split(".")[0] for module in modules}


def room(path):
    """The folder of trainer that a file lies in, or its own name."""
    return path.relative_to(ROOT / "trainer").parts[0].removesuffix(".py")


def siblings(path, **how):
    """The rooms of trainer that a file imports from."""
    parts = (module.split(".") for module in imported(path, **how))
    known = {room(file) for file in TRAINER}
    return {part[1] for part in parts if part[0] == "trainer" and len(part) > 1} & known


def modules(path, **how):
    """The modules of trainer that a file imports, without "trainer."."""
    known = {".".join(file.relative_to(ROOT / "trainer").with_suffix("").parts) for file in TRAINER}
    names = {m.removeprefix("trainer.") for m in imported(path, **how) if m.startswith("trainer.")}
    return names & known


def python(code, *arguments, **environment):
    """The standard output of a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_is_something_to_look_at():
    assert {"events.py", "decisions.py"} <= {path.name for path in TRAINER}
    assert {"form.py", "server.py"} <= {path.name for path in APP}


@pytest.mark.parametrize("path", TRAINER, ids=str)
def test_the_trainer_knows_nothing_of_the_page(path):
    assert not packages(imported(path)) & PAGE


@pytest.mark.parametrize("path", TRAINER, ids=str)
def test_the_trainer_does_not_rely_on_its_own_name(path):
    """A project may have a `trainer` too: beside it this one is loaded under another name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []  # never runs; as `lrscope`, watch has no trainer around it to name
    absolute = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and not n.level]
    assert "trainer" not in packages(absolute)


@pytest.mark.parametrize("path", APP, ids=str)
def test_the_app_imports_no_torch_at_its_top(path):
    assert not packages(imported(path, top_level=True)) & TORCH
    assert modules(path, top_level=True) <= set(TORCH_FREE.split())


@pytest.mark.parametrize("path", TRAINER, ids=str)
def test_an_import_never_runs_up(path):
    floors = {name: floor for floor, names in enumerate(FLOORS) for name in names.split()}
    if room(path) in floors:
        for name in siblings(path) & floors.keys():
            assert floors[name] <= floors[room(path)], name


# Beside its own module: the warm-up is a LinearLR; the plateau rule is what LRScope is about.
NAMED_ELSEWHERE = {
    "LinearLR": {"trainer/schedule/schedule.py"},
    "ReduceLROnPlateau": {
        "app/lab/answer.py", "app/lab/readout.py", "trainer/config/recipe.py",
        "trainer/replay/cautions.py", "trainer/replay/comparison.py",
        "trainer/replay/keras_fastai.py", "trainer/schedule/decisions.py",
        "trainer/schedule/plateau.py", "trainer/schedule/schedule.py",
    },
}  # fmt: skip


@pytest.mark.parametrize("schedule", sorted(SCHEDULES.keys() - {"none"}))
def test_only_its_own_module_names_a_schedule(schedule):
    """What is special about a schedule stands beside its config class: nothing else asks which
    schedule it is.
    """
    pages = [*(ROOT / "assets").rglob("*.js"), *(ROOT / "assets").rglob("*.css")]
    named = {
        str(path.relative_to(ROOT))
        for path in (*TRAINER, *APP, *pages)
        if re.search(rf"\b{schedule}\b", path.read_text(encoding="utf-8"))
    }
    assert named - NAMED_ELSEWHERE.get(schedule, set()) == {"trainer/config/schedules.py"}


def test_the_torch_free_modules_load_no_torch():
    names = ", ".join(f"trainer.{name}" for name in TORCH_FREE.split())
    loaded = python(f"import sys, {names}; print(*sys.modules)").split()
    assert set(names.split(", ")) <= set(loaded)
    assert not packages(loaded) & (TORCH | PAGE)


CLI = """
import sys
from app.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules, file=open("modules", "w"))
"""


def loaded_by_cli(tmp_path, *arguments):
    """What the command printed, and the packages that it loaded."""
    code = f"import os; os.chdir({str(tmp_path)!r})\n{CLI}"
    printed = python(code, *arguments, LRSCOPE_HOME=str(tmp_path / "home"), COLUMNS="200")
    return printed, packages((tmp_path / "modules").read_text().split())


@pytest.mark.parametrize("command", [["--help"], ["train", "--help"]], ids=" ".join)
def test_help_loads_neither_torch_nor_dash(tmp_path, command):
    printed, loaded = loaded_by_cli(tmp_path, *command)
    assert "Usage: lrscope" in printed
    assert not loaded & (TORCH | PAGE - {"app"})


def test_training_in_the_terminal_loads_no_dash(tmp_path):
    options = ["--model", "mlp", "--epochs", "2", "--batch-size", "1077", "--device", "cpu"]
    printed, loaded = loaded_by_cli(tmp_path, "train", "--json", *options)
    *epochs, last = [json.loads(line) for line in printed.splitlines()]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    assert epochs[0]["decision"]["sentence"].startswith("First value: ")
    assert last["status"] == "finished"
    assert "torch" in loaded
    assert not loaded & (PAGE - {"app"})


# The page works with the network cable pulled: nothing that it loads has an address outside.
ADDRESS = re.compile(r"(?:https?:)?//[\w-]+(?:\.[\w-]+)+[^\s\"'`)>]*", re.IGNORECASE)
NAMESPACE = re.compile(r"http://www\.w3\.org/")
CODE = {".css", ".js", ".mjs", ".svg", ".html"}
LOADS = re.compile(
    r"cdn|unpkg|jsdelivr|googleapis|gstatic|\.(?:js|mjs|css|woff2?|ttf|png|svg)\b", re.IGNORECASE
)


def addresses(text):
    return [found for found in ADDRESS.findall(text) if not NAMESPACE.match(found)]


@pytest.mark.parametrize(
    "path",
    [path for path in sorted((ROOT / "assets").rglob("*")) if path.suffix in CODE],
    ids=lambda path: path.name,
)
def test_no_asset_names_an_address_outside(path):
    assert addresses(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", APP, ids=str)
def test_no_module_of_the_app_loads_from_outside(path):
    text = path.read_text(encoding="utf-8")
    assert [found for found in addresses(text) if LOADS.search(found)] == []
    assert "external_scripts" not in text
    assert "external_stylesheets" not in text


def test_an_address_outside_would_be_found():
    script = '<script src="https://cdn.plot.ly/plotly-3.min.js"></script> //fonts.example.org/a'
    assert addresses(script) == ["https://cdn.plot.ly/plotly-3.min.js", "//fonts.example.org/a"]
    assert LOADS.search(addresses(script)[0])
