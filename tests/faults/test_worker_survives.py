"""Whatever is wrong with the machine, the worker goes on with the next run."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.bench.turns import until
from tests.faults.test_store_unusable import working
from tests.small import small
from trainer import worker as workers
from trainer.store.store import Store

QUEUE = """
import sys
from pathlib import Path
from tests.bench.turns import until
from trainer.config.run import RunConfig
from trainer.store.store import Store
from trainer.worker import Worker
store = Store(Path(sys.argv[1]))
runs = [store.add(RunConfig()), store.add(RunConfig())]
worker = Worker(store, Path("nowhere"))
worker.start()
until(lambda: not worker._thread.is_alive() or all(store.run(run).over for run in runs))
for run in runs:
    print(store.run(run).status, store.run(run).reason)
worker.stop()
store.close()
"""


def test_a_torch_without_its_libraries_fails_each_run_in_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "torch"
    broken.mkdir()
    why = "libcudart.so.12: cannot open shared object file: No such file or directory"
    (broken / "__init__.py").write_text(f"raise OSError({why!r})\n")
    done = subprocess.run(
        [sys.executable, "-c", QUEUE, str(tmp_path / "home")],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (
        done.stdout.splitlines()
        == [
            f"failed torch cannot be loaded ({why}); install it again: "
            "pip install --force-reinstall torch"
        ]
        * 2
    )


def test_a_lock_that_cannot_be_opened_does_not_hold_up_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "ORPHAN_SECONDS", -1)
    with closing(Store(tmp_path)) as store, closing(Store(tmp_path)) as other:
        other.add(small(), claimed=True)
        other.abandon()
        lock = tmp_path / "owners" / f"{other._owner.id}.lock"
        lock.mkdir()
        run = store.add(small(dataset="digits"))
        with working(store):
            until(lambda: store.run(run).over)
        assert store.run(run).status == "finished"
        lock.rmdir()
