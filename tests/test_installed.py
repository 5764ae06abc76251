"""LRScope as it is installed: from a wheel, editable, and not at all; alone and beside a project
that has an `app` and a `trainer` of its own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import urllib.request
import venv
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from app.cli import main as cli

ROOT = Path(__file__).parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
BUILD = "import sys, setuptools.build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"
SCRIPTS, EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
OWN = "OWN = 'the project'\n"


def ran(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a command that ends well prints; nothing but `environment` says where to import from."""
    outer = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=outer | {"COLUMNS": "200", "TERM": "dumb"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sources(folder: str, root: Path) -> set[str]:
    """What of a package's folder belongs into the wheel, relative to the folder above it."""
    return {
        path.relative_to(root).as_posix()
        for path in (root / folder).rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout to build in: building leaves folders behind."""
    copy = tmp_path_factory.mktemp("checkout")
    left = shutil.ignore_patterns("__pycache__", "recorded")
    for name in ("app", "trainer", "assets", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=left)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the sdist."""
    out = tmp_path_factory.mktemp("dist")
    ran(sys.executable, "-c", BUILD, "build_sdist", out, cwd=checkout)
    with tarfile.open(next(out.glob("*.tar.gz"))) as archive:
        safely: Any = (
            {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        )  # from 3.11.4 on
        archive.extractall(out, **safely)
    ran(sys.executable, "-c", BUILD, "build_wheel", out, cwd=out / f"lrscope-{VERSION}")
    return next(out.glob("*.whl"))


def environment(folder: Path, *what: str | Path) -> Path:
    """A virtual environment with LRScope, and with what this interpreter has besides."""
    venv.create(folder)
    base = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", base))
    outer = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "outer.pth").write_text("\n".join(outer), encoding="utf-8")
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--ignore-installed"]
    python = folder / SCRIPTS / f"python{EXE}"
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "-q",
        *offline,
    ]
    ran(*pip, *what, cwd=folder, PIP_DISABLE_PIP_VERSION_CHECK="1")
    return folder


@pytest.fixture(scope="module")
def from_wheel(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("wheel"), wheel)


@pytest.fixture(scope="module")
def from_editable(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("editable"), "-e", checkout)


@pytest.fixture(params=["from_wheel", "from_editable"])
def installed(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["modules", "packages"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder to work in, with an `app` and a `trainer` that are not LRScope's."""
    for name in ("app", "trainer"):
        if request.param == "modules":
            (tmp_path / f"{name}.py").write_text(OWN, encoding="utf-8")
        else:
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").write_text(OWN, encoding="utf-8")
    return tmp_path


def test_the_wheel_holds_the_packages_and_what_the_page_loads_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    code = sources("app", ROOT) | sources("trainer", ROOT)
    assets = {
        f"app/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "assets").rglob("*")
        if path.is_file() and "screenshots" not in path.parts
    }
    assert {"app/assets/page.css", "app/assets/logo.svg"} <= assets
    assert {"app/py.typed", "trainer/py.typed", "trainer/watch/py.typed"} <= code
    assert names == assets | {re.sub("^trainer/watch/", "lrscope/", name) for name in code}


def test_what_was_installed_from_the_wheel_trains_on_the_bundled_digits(from_wheel, tmp_path):
    command = [from_wheel / SCRIPTS / "lrscope", "train", "--json", "--epochs", "1"]
    output = ran(*command, "--model", "mlp", "--device", "cpu", "--home", tmp_path, cwd=tmp_path)
    epoch, last = map(json.loads, output.splitlines())
    assert epoch["epoch"] == 1
    assert last["status"] == "finished"


def test_what_was_installed_serves_its_page_with_style_and_script(installed, tmp_path):
    command = [installed / SCRIPTS / "lrscope", "serve", "--no-open", "--port", "0"]
    with subprocess.Popen(
        [*map(str, command), "--home", str(tmp_path)],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            (url,) = re.findall(r"http://\S+", server.stdout.readline())

            def got(path: str) -> bytes:
                with urllib.request.urlopen(url + path, timeout=60) as answer:
                    body: bytes = answer.read()
                    return body

            loaded = set(re.findall(r"assets/[\w./-]+", got("").decode()))
            loaded |= set(re.findall(r"assets/[\w./-]+", got("assets/page.css").decode()))
            assert {Path(name).suffix for name in loaded} >= {".css", ".js", ".svg", ".woff2"}
            for name in loaded:
                assert got(name) == (ROOT / name).read_bytes()
        finally:
            server.terminate()


def test_the_command_starts_lrscopes_own_packages_in_a_project_that_has_their_names(
    installed, project
):
    script, module = (
        [installed / SCRIPTS / "lrscope"],
        [installed / SCRIPTS / "python", "-m", "lrscope"],
    )
    assert ran(*script, "--version", cwd=project, PYTHONPATH=".") == f"lrscope {VERSION}\n"
    assert "Usage: lrscope train" in ran(*module, "train", "--help", cwd=project, PYTHONPATH=".")


def test_a_checkout_starts_its_own_packages_by_its_path(project):
    command: list[str | Path] = [sys.executable, ROOT / "app", "--version"]
    assert ran(*command, cwd=project, PYTHONPATH=".") == f"lrscope {VERSION}\n"


OURS = "import lrscope.trainer.config.run as ours; print(ours.RunConfig.__module__)\n"
THEIRS = "import app, trainer; print(app.OWN, trainer.OWN)\n"


def test_a_script_has_lrscope_and_its_own_packages_in_any_order(installed, project):
    for first, then in ((OURS, THEIRS), (THEIRS, OURS)):
        (project / "script.py").write_text(first + then, encoding="utf-8")
        output = ran(installed / SCRIPTS / "python", "script.py", cwd=project)
        assert set(output.splitlines()) == {"lrscope.trainer.config.run", "the project the project"}


WORKS = """
from pathlib import Path
import app
from lrscope import preview, replay, train
from lrscope.trainer.config.run import RunConfig
import trainer
run = RunConfig(epochs=1, model="mlp", device="cpu")
print(*replay([0.9, 0.5], lr=0.1), preview(run, 1).steps[0].lr, sep="\\n")
print(*(type(event).__name__ for event in train(run, Path("datasets"))), trainer.OWN, app.OWN)
"""


@pytest.mark.parametrize("project", ["packages"], indirect=True)
def test_the_names_work_beside_a_projects_own_packages(installed, project):
    output = ran(installed / SCRIPTS / "python", "-c", WORKS, cwd=project)
    assert "epoch 2, LR 0.1: New best: 0.500 beats 0.900.\n0.01\n" in output
    assert "EpochEnded Ended the project the project" in output


def test_importing_lrscope_loads_nothing_heavy(installed, tmp_path):
    code = (
        "import sys; before = set(sys.modules); import lrscope; print(*set(sys.modules) - before)"
    )
    loaded = ran(installed / SCRIPTS / "python", "-c", code, cwd=tmp_path).split()
    packages = {name.split(".")[0] for name in loaded}
    assert packages - sys.stdlib_module_names == {"lrscope"}


def test_in_a_checkout_the_names_are_those_of_the_trainer_around_them():
    from trainer import watch
    from trainer.replay.replay import preview, replay

    assert (watch.preview, watch.replay) == (preview, replay)
    assert not hasattr(watch, "nothing")


def test_a_checkout_that_was_never_installed_knows_its_version(monkeypatch, capsys):
    def unknown(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", unknown)
    monkeypatch.setattr(sys, "argv", ["lrscope", "--version"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert (end.value.code, capsys.readouterr().out) == (0, f"lrscope {VERSION}\n")
