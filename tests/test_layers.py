"""Who may import whom, what is loaded only when needed, and that the page needs no network."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from trainer.config.schedules import SCHEDULES
from trainer.curves.csv import read
from trainer.curves.importing import import_curve
from trainer.store.store import Store

ROOT = Path(__file__).parents[1]
TRAINER = sorted((ROOT / "trainer").glob("**/*.py"))
APP = sorted((ROOT / "app").glob("**/*.py"))
PAGE = {"app", "dash", "dash_ag_grid", "dash_mantine_components", "flask", "plotly", "waitress"}
TORCH = {
    "torch", "torchvision", "numpy", "pandas", "sklearn", "tensorboard",
    "ignite", "keras", "lightning", "ray", "skorch", "transformers",
}  # fmt: skip

# Which folder, or module beside the folders, may import from which. What only a type checker reads
# is no import.
ARROWS = {
    "trainer.config": "",
    "trainer.folders": "",
    "trainer.cores": "",
    "trainer.schedule": "trainer.config",
    "trainer.replay": "trainer.config trainer.schedule",
    "trainer.verdict": "trainer.config trainer.schedule",
    "trainer.compare": "trainer.config",
    "trainer.own": "trainer.config",
    "trainer.engine": "trainer.config trainer.cores trainer.folders trainer.own trainer.schedule",
    "trainer.store": "trainer.config trainer.schedule trainer.engine",
    "trainer.snapshots": "trainer.config trainer.engine trainer.store",
    "trainer.curves": """
        trainer.config trainer.engine trainer.schedule trainer.replay trainer.store
    """,
    "trainer.export": "trainer.config trainer.schedule trainer.store",
    "trainer.failures": "trainer.config trainer.engine trainer.own trainer.schedule trainer.store",
    "trainer.look": "trainer.engine trainer.failures",
    "trainer.commands": "trainer.engine trainer.schedule trainer.store",
    "trainer.execute": """
        trainer.commands trainer.config trainer.engine trainer.failures trainer.schedule
        trainer.store trainer.snapshots
    """,
    "trainer.sweep": """
        trainer.compare trainer.config trainer.cores trainer.engine trainer.execute
        trainer.failures trainer.own trainer.schedule trainer.snapshots trainer.store
        trainer.verdict
    """,
    "trainer.notebook": """
        trainer.config trainer.engine trainer.execute trainer.export trainer.folders trainer.store
        trainer.sweep
    """,
    "trainer.worker": """
        trainer.commands trainer.engine trainer.failures trainer.store trainer.snapshots
        trainer.execute trainer.sweep
    """,
    "trainer.watched": """
        trainer.config trainer.engine trainer.failures trainer.schedule trainer.store
    """,
    "trainer.followers": "trainer.curves trainer.engine trainer.failures trainer.store",
    "trainer.watch": "",
    "app.ids": "",
    "app.environment": "",
    "app.paths": "",
    "app.csp": "",
    "app.access": "app.csp app.paths",
    "app.listening": "app.access",
    "app.checked": "app.paths trainer.config",
    "app.charts": "trainer.config trainer.schedule",
    "app.address": "trainer.config",
    "app.form": "app.ids trainer.config",
    "app.own": "trainer.config trainer.own trainer.store",
    "app.example": "trainer.config trainer.store",
    "app.run_names": "trainer.config trainer.store",
    "app.picture": """
        app.charts app.csp app.paths app.run_names
        trainer.config trainer.export trainer.replay trainer.schedule trainer.store
    """,
    "app.formats": "app.picture trainer.export trainer.store",
    "app.exporting": """
        app.charts app.checked app.formats app.ids app.paths
        trainer.export trainer.schedule trainer.store
    """,
    "app.run_picker": "app.run_names trainer.config trainer.store",
    "app.lab": """
        app.ids app.address app.charts app.checked app.exporting app.form app.own app.paths
        app.repeating app.run_columns app.run_names app.run_picker app.seeds_box
        trainer.config trainer.own trainer.schedule trainer.replay trainer.verdict trainer.engine
        trainer.store trainer.snapshots trainer.worker
    """,
    "app.runs": """
        app.exporting app.ids app.repeating app.run_names
        trainer.compare trainer.config trainer.store
    """,
    "app.repeating": "trainer.compare trainer.config trainer.store",
    "app.run_columns": "trainer.store",
    "app.seeds_box": "trainer.compare",
    "app.compare": """
        app.checked app.ids app.charts app.exporting app.paths app.repeating app.run_columns
        app.run_names
        app.run_picker app.seeds_box trainer.compare
        trainer.config trainer.schedule trainer.store
    """,
    "app.sweep": """
        app.address app.charts app.checked app.form app.ids app.own app.paths app.repeating
        app.run_names app.run_picker
        trainer.compare trainer.config trainer.own trainer.store trainer.sweep
    """,
    "app.importing": """
        app.checked app.ids app.run_picker trainer.config trainer.curves trainer.followers
        trainer.store trainer.worker
    """,
    "app.server": """
        app.ids app.access app.charts app.checked app.compare app.csp app.environment app.example
        app.exporting
        app.importing app.lab app.paths app.run_columns app.runs app.sweep trainer.followers
        trainer.store trainer.worker
    """,
    "app.cli": """
        app.access app.charts app.environment app.formats app.listening app.picture app.run_names
        app.server
        trainer.config trainer.folders trainer.own
        trainer.schedule trainer.replay trainer.engine trainer.store trainer.snapshots
        trainer.curves trainer.execute trainer.export trainer.followers trainer.sweep
        trainer.watched trainer.worker
    """,
    "app.__main__": "app.cli",
}


@cache
def imported(path: Path, top_level: bool = False) -> frozenset[str]:
    """Every module that a file imports; at its top level only, also under `if` and `try`."""
    return frozenset(_imported(path, top_level))


def _imported(path: Path, top_level: bool) -> Iterator[str]:
    nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes.extend(node.orelse)
            continue
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


def packages(modules: Iterable[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


def name_of(path: Path) -> str:
    """trainer.store.rows; a package by its own name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room(module: str) -> str:
    """The folder of a module, or the module that lies beside the folders."""
    return ".".join(module.split(".")[:2])


MODULES = {name_of(path): path for path in (*TRAINER, *APP)}
ROOMS = {room(module) for module in MODULES} - {"trainer", "app"}
INSIDE = {module for module in MODULES if module not in ("trainer", "app")}


def modules(path: Path, top_level: bool = False) -> set[str]:
    """The modules of LRScope that a file imports, and the packages around them."""
    named = {module for module in imported(path, top_level) if module in MODULES}
    return named | {module.rpartition(".")[0] for module in named if "." in module}


def loaded_with(module: str) -> set[str]:
    """What is loaded when a module is: of LRScope and of others."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        path = MODULES.get(module := waiting.pop())
        if module not in found and path is not None:
            waiting += {*imported(path, top_level=True), *modules(path, top_level=True)}
        found.add(module)
    return found


TORCH_FREE = sorted(
    module
    for module in INSIDE
    if module.startswith("trainer.")
    and not module.endswith("__main__")  # to import it is to start it
    and not packages(loaded_with(module)) & TORCH
)


def python(code: str, *arguments: object, **environment: str) -> str:
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


def test_no_room_is_missing_from_the_table():
    assert ARROWS.keys() == ROOMS


def test_the_arrows_lead_one_way():
    TopologicalSorter({name: arrows.split() for name, arrows in ARROWS.items()}).prepare()


@pytest.mark.parametrize("module", sorted(INSIDE))
def test_a_module_imports_only_from_where_its_room_may(module):
    here = room(module)
    others = {room(other) for other in modules(MODULES[module])} - {here, "trainer", "app"}
    assert others <= set(ARROWS[here].split())


def test_no_arrow_of_the_table_is_without_a_use():
    used: dict[str, set[str]] = {name: set() for name in ROOMS}
    for module in INSIDE:
        used[room(module)] |= {room(other) for other in modules(MODULES[module])} & ROOMS
    assert {name: arrows - {name} for name, arrows in used.items()} == {
        name: set(arrows.split()) for name, arrows in ARROWS.items()
    }


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
    absolute = [
        n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and not n.level
    ]
    assert "trainer" not in packages(absolute)


@pytest.mark.parametrize("path", APP, ids=str)
def test_the_app_imports_no_torch_at_its_top(path):
    assert not packages(loaded_with(name_of(path))) & TORCH


# Beside its own module: the warm-up is a LinearLR, also in a script; the plateau rule is what
# LRScope is about.
NAMED_ELSEWHERE = {
    "LinearLR": {"trainer/export/training.py", "trainer/schedule/parts.py"},
    "ReduceLROnPlateau": {
        "app/lab/answer.py", "trainer/config/recipe.py",
        "trainer/replay/cautions.py", "trainer/replay/comparison.py",
        "trainer/replay/keras_fastai.py", "trainer/schedule/decisions.py",
        "trainer/schedule/plateau.py", "trainer/schedule/schedule.py",
        "trainer/schedule/torch_changed.py", "trainer/sweep/find/plans.py",
    },
    "StepLR": {"trainer/sweep/find/plans.py"},
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
    assert named == {"trainer/config/schedules.py"} | NAMED_ELSEWHERE.get(schedule, set())


def test_what_the_app_loads_at_once_loads_no_torch():
    """The same once more, by Python itself."""
    loaded = python(f"import sys, {', '.join(TORCH_FREE)}; print(*sys.modules)").split()
    assert set(TORCH_FREE) <= set(loaded)
    assert not packages(loaded) & (TORCH | PAGE)
    assert {"trainer.store.store", "trainer.worker", "trainer.curves.csv"} <= set(TORCH_FREE)


CLI = """
import sys
from app.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules, file=open("modules", "w"))
"""


def loaded_by_cli(tmp_path: Path, *arguments: str) -> tuple[str, set[str]]:
    """What the command printed, and the packages that it loaded."""
    code = f"import os; os.chdir({str(tmp_path)!r})\n{CLI}"
    printed = python(code, *arguments, LRSCOPE_HOME=str(tmp_path / "home"), COLUMNS="200")
    return printed, packages((tmp_path / "modules").read_text().split())


@pytest.mark.parametrize("command", [["--help"], ["train", "--help"]], ids=" ".join)
def test_help_loads_neither_torch_nor_dash(tmp_path, command):
    printed, loaded = loaded_by_cli(tmp_path, *command)
    assert "Usage: lrscope" in printed
    assert not loaded & (TORCH | PAGE - {"app"})


def test_a_replay_loads_torch_and_not_its_compiler(tmp_path):
    (tmp_path / "curve.csv").write_text("loss\n2\n1\n")
    with closing(Store(tmp_path / "home")) as store:
        import_curve(store, read(tmp_path / "curve.csv"), {})
    printed, loaded = loaded_by_cli(tmp_path, "replay", "1", "--patience", "3")
    assert "Run 1." in printed
    assert "torch" in loaded
    assert "torch._dynamo" not in (tmp_path / "modules").read_text().split()
    assert not loaded & (PAGE - {"app"})


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


def addresses(text: str) -> list[str]:
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
