"""`runs.train` in a cell of a notebook, whose kernel is a real one, and in a script."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.picture.drawn import drawn
from app.picture.svg import Look, svg
from tests.faults.terminal import lrscope
from tests.small import load, small
from tests.test_documented import AS_INSTALLED, MANUAL, ROOT, blocks, ran, read
from trainer import watch
from trainer.config.table import ConfigError
from trainer.engine import datasets
from trainer.notebook import picture
from trainer.notebook.picture import HEIGHT, WIDTH, LivePicture
from trainer.notebook.training import STOPPING
from trainer.store.faults import CommandError
from trainer.store.store import Store

runs: Any = watch.runs
SVG = "image/svg+xml"
QUICK = "model='mlp', batch_size=1077, device='cpu'"
Message = dict[str, Any]
Run = Callable[..., list[Message]]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A notebook's kernel, in a project that has an `app` of its own."""
    client = pytest.importorskip("jupyter_client")
    pytest.importorskip("ipykernel")
    project = tmp_path_factory.mktemp("project")
    (project / "app.py").write_text("raise ImportError('the project has its own app')")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LRSCOPE_HOME": str(project / "home")}
    manager = client.KernelManager()
    manager.home = project / "home"
    manager.start_kernel(cwd=str(project), env=env)
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.fixture
def cell(kernel: Any) -> Iterator[Run]:
    """Runs a cell and gives what it showed; calls `each` with each message as it comes."""
    client = kernel.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)

    def run(code: str, each: Callable[[Message], None] = lambda _: None) -> list[Message]:
        asked = client.execute(code)
        shown: list[Message] = []
        while True:
            message = client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["content"].get("execution_state") == "idle":
                return shown
            if message["msg_type"] in ("display_data", "update_display_data", "stream", "error"):
                shown.append(message)
                each(message)

    run(AS_INSTALLED + "from lrscope import runs")
    yield run
    client.stop_channels()


def pictures(shown: list[Message]) -> list[Message]:
    return [message for message in shown if SVG in message["content"].get("data", {})]


def printed(shown: list[Message]) -> str:
    return "".join(m["content"]["text"] for m in shown if m["msg_type"] == "stream")


def at_picture(n: int, then: Callable[[], object]) -> Callable[[Message], None]:
    """Does something once, when a cell shows its picture for the nth time."""
    seen: list[Message] = []

    def each(message: Message) -> None:
        seen.extend(pictures([message]))
        if len(seen) == n and pictures([message]):
            then()

    return each


def of_store(home: Path, run: int) -> str:
    with closing(Store(home)) as store:
        return svg([drawn(store, run)], Look(WIDTH, HEIGHT))


def test_a_cell_shows_one_picture_which_is_drawn_anew_in_its_place(kernel: Any, cell: Run) -> None:
    shown = cell(f"run = runs.train({QUICK}, epochs=3)")
    first, *others = pictures(shown)
    assert first["msg_type"] == "display_data"
    assert {message["msg_type"] for message in others} == {"update_display_data"}
    assert len({m["content"]["transient"]["display_id"] for m in pictures(shown)}) == 1
    told = cell("print(run['run'], run['status'], run['epoch'], f\"{run['test_accuracy']:.2%}\")")
    run, status, epoch, accuracy = printed(told).split()
    assert (status, epoch) == ("finished", "3")
    assert printed(shown) == f"Run {run} finished: test accuracy {accuracy}.\n"
    assert others[-1]["content"]["data"][SVG] == of_store(kernel.home, int(run))


def test_the_stop_button_ends_a_run_that_can_be_resumed(kernel: Any, cell: Run) -> None:
    stop = kernel.interrupt_kernel
    shown = cell(f"run = runs.train({QUICK}, epochs=10_000)", at_picture(3, stop))
    run, status, epoch = printed(cell("print(run['run'], run['status'], run['epoch'])")).split()
    assert status == "interrupted"
    assert [m for m in shown if m["msg_type"] == "error"] == []
    assert printed(shown).splitlines() == [
        STOPPING,
        f"Run {run} was interrupted: runs.resume({run}) continues it.",
    ]
    assert pictures(shown)[-1]["content"]["data"][SVG] == of_store(kernel.home, int(run))
    cell(f"run = runs.resume({run})", at_picture(3, stop))
    assert printed(cell(f"print(run['run'], run['epoch'] >= {epoch})")) == f"{run} True\n"


def test_the_manuals_cell_prints_what_the_store_has(kernel: Any, cell: Run) -> None:
    (code,) = (block for block in blocks(read(MANUAL), "python") if "runs.train" in block)
    shown = cell(code)
    assert pictures(shown)
    found = runs.list(home=kernel.home, limit=1)[0]
    assert found["status"] == "finished"
    assert printed(shown).splitlines()[-1] == (
        f"{found['run']} {found['best']} {found['test_accuracy']}"
    )


def test_a_script_prints_a_line_for_each_epoch_as_the_terminal_does(tmp_path: Path) -> None:
    code = f"{AS_INSTALLED}from lrscope import runs\nruns.train({QUICK}, epochs=2)"
    told = ran(code, home=tmp_path)
    options = ["--model", "mlp", "--batch-size", "1077", "--device", "cpu", "--epochs", "2"]
    terminal = lrscope("train", *options, home=tmp_path).stdout.splitlines()
    assert len(told) == 3
    assert [line.rstrip() for line in told[:2]] == [
        line.rstrip() for line in terminal if line.startswith("    ")
    ]
    assert told[2].startswith("Run 1 finished: test accuracy ")


class Shown:
    """What takes the place of IPython's displays."""

    def __init__(self) -> None:
        self.bundles: list[dict[str, str]] = []

    def display(self, bundle: dict[str, str], **_: Any) -> "Shown":
        self.bundles.append(bundle)
        return self

    update = display


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown = Shown()
    monkeypatch.setattr(picture, "notebook", lambda: shown)
    return shown


def test_pictures_are_drawn_at_most_twice_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: Shown
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with closing(Store(tmp_path)) as store:
        run = store.add(small())
    with closing(LivePicture(tmp_path, run, "light")) as live:
        for i in range(100):
            now = i / 10
            live.show(True)
        assert len(shown.bundles) == 20
        now += 10
        live.show(False)
        live.show(False)
        assert len(shown.bundles) == 21
    assert len(shown.bundles) == 21


def test_a_picture_that_cannot_be_drawn_costs_no_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shown: Shown,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(picture, "CODE", "raise SystemExit(1)")
    assert runs.train(small(epochs=2), home=tmp_path)["status"] == "finished"
    assert shown.bundles == []
    assert "Run 1 finished" in capsys.readouterr().out


def test_a_run_that_fails_is_told_of_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(datasets, "load", load)
    wild = small(optimizer={"name": "SGD", "weight_decay": 1.0}, lr=100.0)
    assert runs.train(wild, home=tmp_path)["status"] == "diverged"
    assert capsys.readouterr().out.splitlines()[-1].startswith("Run 1 did not finish: ")


def test_a_mistake_is_told_of_before_anything_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^There is no setting 'epoch'\. The nearest is epochs"):
        runs.train(epoch=3, home=tmp_path / "home")
    assert not (tmp_path / "home").exists()
    with closing(Store(tmp_path)) as store:
        store.add(small())
    with pytest.raises(CommandError, match=r"^Run 1 is already queued\.$"):
        runs.resume(1, home=tmp_path)
