"""What LRScope can do is in its manuals, and what the manuals say is so.

`python -m tests.test_documented` writes the tables of settings in the manual anew.
"""

import ast
import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli.main import cli
from app.cli.training import ControlCommand
from tests.faults.terminal import lrscope
from tests.forked import finished
from trainer.config.fields import bounds_of
from trainer.config.optimizers import OPTIMIZERS
from trainer.config.run import RunConfig
from trainer.config.schedules import SCHEDULES
from trainer.config.table import PRESETS, SETTINGS, Setting
from trainer.config.text import lr_text

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
MANUAL = ROOT / "app" / "README.md"
MAP = ROOT / "trainer" / "README.md"
CONTRIBUTING = ROOT / ".github" / "CONTRIBUTING.md"
DOCUMENTS = [
    README,
    MANUAL,
    ROOT / "app" / "CALLBACKS.md",
    MAP,
    CONTRIBUTING,
    ROOT / ".github" / "CHANGELOG.md",
    ROOT / "tests" / "bench" / "README.md",
]
MOST_LINES = 110  # of the README: two screens
GROUPS = {"run": "The run", "schedule": "Schedules", "optimizer": "Optimizers"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.M | re.S)


def cells(text: str) -> Iterator[list[str]]:
    """The rows of a text's tables, headings among them."""
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


# The settings


def span(setting: Setting) -> str:
    """What a setting may be."""
    if setting.kind == "bool":
        return "on, off"
    if setting.choices:
        return ", ".join(setting.choices)
    if setting.kind == "list":
        return "N, N, ..."
    owner = (SCHEDULES | OPTIMIZERS)[setting.owner] if setting.owner else RunConfig
    known = bounds_of(owner.model_fields[setting.name])
    bounds = [
        f"{sign} {known[bound]:,.10g}"
        for bound, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤"))
        if bound in known
    ]
    return ", ".join([*bounds, *(setting.words.values() if setting.kind == "int" else ())])


def rows(group: str) -> list[str]:
    """A group's table of the manual; what differs in nothing but the owner shares a row."""
    owners: dict[tuple[str, ...], list[str]] = {}
    for setting in SETTINGS:
        if setting.group == group:
            default = setting.default
            text = lr_text(default) if setting.kind == "float" else setting.text(default)
            key = (f"`{setting.key}`", setting.help.replace("|", "\\|"), text, span(setting))
            owners.setdefault(key, []).append(setting.owner or "")
    if group == "run":
        return [
            "| key | what | default | range |",
            "|---|---|---|---|",
            *(f"| {' | '.join(key)} |" for key in owners),
        ]
    return [
        f"| key | what | default | range | {group} |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join([*key, ', '.join(whose)])} |" for key, whose in owners.items()),
    ]


def tables() -> str:
    return "\n\n".join(
        "\n".join([f"### {title}", "", *rows(group)]) for group, title in GROUPS.items()
    )


BETWEEN = re.compile(r"(?<=<!-- settings -->\n\n).*?(?=\n\n<!-- /settings -->)", re.S)


def test_the_manual_has_every_setting_with_its_default_range_and_owner() -> None:
    written = BETWEEN.search(read(MANUAL))
    assert written
    assert written[0] == tables(), "python -m tests.test_documented writes the tables anew"


def test_the_manual_has_every_preset() -> None:
    assert [preset for preset in PRESETS if preset not in read(MANUAL)] == []


# The terminal

COMMANDS: dict[str, Any] = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
KEYS = {f"--{setting.key}" for setting in SETTINGS}


def own_options() -> set[tuple[str, str]]:
    """Every option that is no setting, with its command."""
    return {
        (option, command)
        for command, parsed in COMMANDS.items()
        for parameter in parsed.params
        for option in [*parameter.opts, *parameter.secondary_opts]
        if option.startswith("--") and option not in KEYS | {"--help"}
    }


def test_the_manual_has_every_command() -> None:
    told = re.findall(r"^### `lrscope ([\w-]+)", read(MANUAL), flags=re.M)
    assert sorted(told) == sorted(COMMANDS)


def test_the_manual_has_every_option_with_the_commands_that_take_it() -> None:
    told = {
        (option, command.strip("`"))
        for row in cells(read(MANUAL))
        if row[0].startswith("`--")
        for option in re.findall(r"--[\w-]+", row[0])
        for command in row[-1].split(", ")
    }
    assert told == own_options()


def test_the_manual_has_every_option_of_all_commands() -> None:
    of_all: Any = typer.main.get_command(cli).params
    options = [option for parameter in of_all for option in parameter.opts]
    assert [option for option in options if f"`lrscope {option}`" not in read(MANUAL)] == []


def test_the_manual_has_everything_that_can_be_asked_of_a_run() -> None:
    told = [row[0].split("`")[1].split() for row in cells(read(MANUAL)) if "`" in row[0]]
    asked = {words[2] for words in told if words[:2] == ["control", "RUN"]}
    assert asked == {word.value for word in ControlCommand}


def variables(*folders: str) -> set[str]:
    found = [
        re.findall(r"\bLRSCOPE_[A-Z_]*[A-Z]\b", read(path))
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
    ]
    return {variable for variables in found for variable in variables}


def test_the_manual_has_every_environment_variable() -> None:
    used = variables("app", "trainer")
    assert used
    assert [variable for variable in used if f"`{variable}`" not in read(MANUAL)] == []


def test_contributors_are_told_of_every_environment_variable_of_the_tests() -> None:
    used = variables("tests") - variables("app", "trainer")
    assert used
    assert [variable for variable in used if f"`{variable}`" not in read(CONTRIBUTING)] == []


# What the documents point to


def links(document: Path) -> list[tuple[str, str]]:
    """The text and the target of each link that stays here."""
    text = re.sub(r"^```.*?^```$", "", read(document), flags=re.M | re.S)
    found = re.findall(r"\[([^\]]+)\]\(([^)\s]+)\)", text)
    found += [("", target) for target in re.findall(r'(?:src|srcset|href)="([^"]+)"', text)]
    return [(label, target) for label, target in found if "://" not in target]


def slugs(document: Path) -> set[str]:
    """The anchors of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", read(document), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def names(path: Path) -> set[str]:
    """What a module defines, also inside of functions: `train`, `State.end_epoch`, `VERSION`."""
    if path.suffix != ".py":
        defined = re.findall(r"\bfunction (\w+)|^\s+(\w+)\(.*\) \{$", read(path), flags=re.M)
        return {one or other for one, other in defined}
    found: set[str] = set()

    def look(node: ast.AST, inside: str) -> None:
        for child in ast.iter_child_nodes(node):
            here = inside
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.update({child.name, f"{inside}{child.name}"})
                here = f"{child.name}." if isinstance(child, ast.ClassDef) else inside
            elif isinstance(child, ast.Assign | ast.AnnAssign):
                targets = child.targets if isinstance(child, ast.Assign) else [child.target]
                found.update(f"{inside}{t.id}" for t in targets if isinstance(t, ast.Name))
            look(child, here)

    look(ast.parse(read(path)), "")
    return found


def leads_to_what_it_names(document: Path, label: str, target: str) -> bool:
    """Whether there is such a file, with such a heading, and with what `path:name` names."""
    file, _, anchor = target.partition("#")
    path = (document.parent / file).resolve() if file else document
    if not path.exists() or not path.is_relative_to(ROOT):
        return False
    if anchor and anchor not in slugs(path):
        return False
    labelled = re.fullmatch(r"([\w.-]+/[\w./-]+\.\w+)(?::([\w.]+))?", label)
    if labelled is None:
        return True
    named = labelled[2]
    return labelled[1] == name(path) and (named is None or named in names(path))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_to_what_it_names(document: Path) -> None:
    found = links(document)
    assert [link for link in found if not leads_to_what_it_names(document, *link)] == []


def test_every_promise_names_a_test_that_is_there() -> None:
    promised = read(MANUAL).partition("## What it promises")[2].partition("\n## ")[0]
    told = [re.findall(r"\[(\w+)\]\(([^)]+)\)", row[1]) for row in list(cells(promised))[2:]]
    assert len(told) >= 10
    assert [row for row in told if not row] == []
    tests = [test for row in told for test in row]
    assert [
        (test, file)
        for test, file in tests
        if not test.startswith("test_") or test not in names(MANUAL.parent / file)
    ] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_path_that_is_named_is_there(document: Path) -> None:
    paths = re.findall(r"`((?:app|assets|tests|trainer|\.ci|\.github)/[\w./-]*)`", read(document))
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_folder_of_the_code_is_on_the_map() -> None:
    code = [*(ROOT / "trainer").iterdir(), *(ROOT / "app").iterdir()]
    folders = [name(path) for path in code if (path / "__init__.py").is_file()]
    told = [row[0].strip("`") for row in cells(read(MAP))]
    assert [folder for folder in folders if folder not in told] == []


# The README


def test_the_readme_begins_with_the_two_commands_and_stays_short() -> None:
    text = read(README)
    assert blocks(text, "")[0] == (
        "pip install -e . && lrscope\npip install -e '.[test]' && pytest\n"
    )
    assert len(text.splitlines()) <= MOST_LINES


def ran(code: str, *arguments: str, home: Path) -> list[str]:
    """The lines that Python prints, with this checkout and over a new home."""
    environment = {"LRSCOPE_HOME": str(home), "COLUMNS": "200", "TERM": "dumb"}
    with contextlib.chdir(home):
        done = finished("-c", code, *arguments, environment=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


AS_INSTALLED = "import sys; from trainer import watch; sys.modules['lrscope'] = watch\n"


def test_the_readmes_python_prints_what_it_shows(tmp_path: Path) -> None:
    text = read(README)
    _, code = blocks(text, "python")
    shown = text.split(f"```python\n{code}```", 1)[1]
    told = ran(AS_INSTALLED + code, home=tmp_path)
    wanted = [line for line in blocks(shown, "")[0].splitlines() if line != "..."]
    assert len(wanted) == 2
    assert [line for line in wanted if line not in told] == []
    assert [line.split("(")[0] for line in told if line.startswith("E")] == [
        *["EpochEnded"] * 5,
        "Ended",
    ]


def test_the_readmes_loop_is_watched(tmp_path: Path) -> None:
    code, _ = blocks(read(README), "python")
    given = (
        "import torch\n"
        "optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)\n"
        "scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)\n"
        "train_loss = val_loss = 1.0\n"
    )
    assert ran(AS_INSTALLED + given + code, home=tmp_path) == []
    (spool,) = (tmp_path / "watched").glob("*.jsonl")
    lines = [json.loads(line) for line in read(spool).splitlines()]
    assert [line["kind"] for line in lines].count("epoch") == 50
    assert lines[-1]["status"] == "finished"


def test_the_manuals_python_reads_the_runs_that_the_terminal_lists(tmp_path: Path) -> None:
    step = ["train", "--model", "mlp", "--schedule", "StepLR", "--epochs", "3", "--json"]
    trained = lrscope(*step, home=tmp_path).stdout.splitlines()
    epochs = [json.loads(line) for line in trained[:-1]]
    (listed,) = map(json.loads, lrscope("runs", "--json", home=tmp_path).stdout.splitlines())
    (code,) = (block for block in blocks(read(MANUAL), "python") if "import runs" in block)
    told = ran(AS_INSTALLED + code, home=tmp_path)
    assert told == [
        f"1 {listed['best']} {listed['best_epoch']}",
        *(f"{e['epoch']} {e['lr']} {e['val_loss']} {e['decision']['sentence']}" for e in epochs),
    ]


def form(line: str) -> str:
    """What of a line does not depend on the machine's last bits, and on what they lead to."""
    return re.sub(r"[\d.,]+(?:e-?\d+)?", "0", line.partition(" %  ")[0]).rstrip().replace("  ", "")


def test_the_readmes_terminal_prints_what_it_shows(tmp_path: Path) -> None:
    (block,) = blocks(read(README), "console")
    command, *shown = block.splitlines()
    prompt, program, *arguments = command.split()
    assert (prompt, program) == ("$", "lrscope")
    code = "from app.cli.main import main; main()"
    told = {form(line) for line in ran(code, *arguments, "--device", "cpu", home=tmp_path)}
    assert len(shown) > 5
    assert [line for line in shown if line.strip() != "..." and form(line) not in told] == []


if __name__ == "__main__":
    MANUAL.write_text(BETWEEN.sub(lambda _: tables(), read(MANUAL)), encoding="utf-8")
