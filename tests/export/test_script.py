"""A run's script gives the run's numbers, bit by bit."""

import ast
import math
import subprocess
import sys

import pytest

from tests.export.scripts import output, parsed, printed, quick, recorded, trained
from tests.small import OPTIMIZERS, SCHEDULES
from trainer.config.optimizers import SGD, Adam
from trainer.config.recipe import Recipe
from trainer.config.schedules import ReduceLROnPlateau
from trainer.engine.events import Started
from trainer.export.data import TORCHVISION
from trainer.export.error import ExportError
from trainer.export.script import script
from trainer.schedule.epoch import Epoch


def test_a_script_needs_nothing_but_torch_and_torchvision(
    store, root, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(store, quick(dataset="digits", batch_size=500, epochs=1), root)
    needed = set(sys.stdlib_module_names) | {"torch", "torchvision"}
    for other in (run, *(store.add(quick(dataset=name)) for name in TORCHVISION)):
        assert packages(script(store, other)) <= needed
    text = script(store, run)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert parsed(*output(text)) == recorded(store, run)


def packages(text: str) -> set[str]:
    """What a script imports."""
    found = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import | ast.ImportFrom)]
    names = [n.module or "" if isinstance(n, ast.ImportFrom) else n.names[0].name for n in found]
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_with_every_schedule(store, root, optimizer):
    for schedule in SCHEDULES.values():
        run = trained(store, quick(optimizer=OPTIMIZERS[optimizer], schedule=schedule), root)
        assert len(recorded(store, run)) == 5
        assert printed(store, run, root) == recorded(store, run), script(store, run)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["Adam", "SGD", "Adagrad"])
def test_a_warm_up_before_every_schedule(store, root, optimizer, schedule):
    config = quick(
        optimizer=OPTIMIZERS[optimizer], schedule=SCHEDULES[schedule], warmup=2, epochs=6
    )
    run = trained(store, config, root)
    assert printed(store, run, root) == recorded(store, run), script(store, run)


@pytest.mark.usefixtures("few_colours")
@pytest.mark.parametrize("model", ["cnn", "lenet5", "resnet18"])
@pytest.mark.parametrize("dataset", ["fashion-mnist", "cifar10"])
def test_every_model_on_grey_and_coloured_images(store, root, model, dataset):
    config = quick(model=model, dataset=dataset, epochs=1, batch_size=20, seed=3)
    run = trained(store, config, root)
    assert printed(store, run, root) == recorded(store, run)


def test_the_other_data_sets(store, root):
    for config in (quick(dataset="kmnist"), quick(dataset="digits", epochs=2, seed=5)):
        run = trained(store, config, root)
        assert printed(store, run, root) == recorded(store, run)


def test_a_monitor_that_rises(store, root):
    plateau = SCHEDULES["plateau"]
    run = trained(store, quick(monitor="val_accuracy", schedule=plateau, epochs=6), root)
    assert 'mode="max"' in script(store, run)
    assert printed(store, run, root) == recorded(store, run)


def test_a_run_that_diverged(store, root):
    run = trained(store, quick(optimizer=SGD(weight_decay=1.0), lr=100.0, epochs=9), root)
    *before, (epoch, lr, *_) = recorded(store, run)
    *same, (last, its_lr, *metrics) = printed(store, run, root)
    assert (same, last, its_lr) == (before, epoch, lr)
    assert any(metric is not None and math.isnan(metric) for metric in metrics)


def test_a_run_that_has_not_begun_has_its_script(store, root):
    run = store.add(quick(epochs=2))
    text = script(store, run)
    assert "has not been trained" in text
    assert [line[0] for line in parsed(*output(text, root))] == [1.0, 2.0]


def test_a_run_on_a_gpu_says_that_its_numbers_are_only_close(store):
    run = store.add(quick(optimizer=OPTIMIZERS["Adagrad"]), claimed=True)
    begun = Started("cuda:0", 1, 5, 36, 4, 10, 10, 9, torch="2.9.0", cpu='a "b" \\')
    store.record(run, begun)
    text = script(store, run)
    assert "not bit by bit the same" in " ".join(text.split())
    assert 'memory_format=torch.channels_last).to("cuda")' in text
    assert "fused" not in text
    compile(text, "script.py", "exec")


@pytest.mark.parametrize("name", ['quotes """ and \\', "two\nlines", "\u202e"])
def test_a_recorded_name_cannot_end_the_docstring(store, name):
    run = store.add(quick(), claimed=True)
    store.record(run, Started("cpu", 1, 5, 36, 4, 10, 10, 9, torch="2.9.0", cpu=name))
    docstring = ast.get_docstring(ast.parse(script(store, run)))
    assert docstring.endswith("the last digits may differ.")


def test_only_what_was_trained_here_has_a_script(store):
    curve = [Epoch(1, 0.1, 0.1, {"loss": 1.0}, 0.0, None)]
    imported = store.add_imported(Recipe(), "curve.csv", curve)
    with pytest.raises(ExportError, match=f"Run {imported} was imported: "):
        script(store, imported)
    with pytest.raises(ExportError, match="There is no run 9"):
        script(store, 9)


def test_a_script_runs_without_lrscope(store, root, tmp_path):
    run = trained(store, quick(schedule=SCHEDULES["OneCycleLR"], epochs=2), root)
    path = tmp_path / "script.py"
    path.write_text(script(store, run))
    alone = "import runpy, sys; sys.argv = sys.argv[1:]; sys.modules.update(BLOCKED)"
    alone = alone.replace("BLOCKED", "dict.fromkeys(['lrscope', 'trainer', 'app', 'pydantic'])")
    command = [sys.executable, "-I", "-c", f"{alone}; runpy.run_path(sys.argv[0])", path, root]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert parsed(done.stdout, done.stderr) == recorded(store, run)


def test_a_script_has_nothing_that_it_does_not_use(store, tmp_path):
    configs = [
        quick(schedule=SCHEDULES["plateau"]),
        quick(schedule=SCHEDULES["OneCycleLR"], warmup=2, model="resnet18", dataset="cifar10"),
        quick(schedule=SCHEDULES["MultiStepLR"], dataset="digits", model="lenet5"),
    ]
    for config in configs:
        (tmp_path / "script.py").write_text(script(store, store.add(config)))
        for check in (["check", "--select", "E,F,I,UP,N"], ["format", "--check"]):
            how = ["--isolated", "--line-length", "88", tmp_path]
            ruff = [sys.executable, "-m", "ruff", *check, *how]
            done = subprocess.run(ruff, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout


def test_a_plain_run_has_a_plain_script(store):
    config = quick(schedule=ReduceLROnPlateau(), optimizer=Adam(), dataset="digits", model="cnn")
    text = script(store, store.add(config))
    assert "optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)\n" in text
    assert "scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=5)\n" in text
    assert "    scheduler.step(val_loss)\n" in text
    for unused in ("warmup", "group =", "enumerate", "argparse", "torchvision", "factor"):
        assert unused not in text
