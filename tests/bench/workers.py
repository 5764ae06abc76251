"""Sweeps in several processes, and on a Ray cluster of this machine."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.bench.table import Figure, Plan, Report, Row, faster, longer
from tests.bench.turns import in_turns
from trainer.config.grid import cells, grid
from trainer.config.run import RunConfig
from trainer.config.schedules import NoSchedule
from trainer.execute import Place
from trainer.store.store import Store
from trainer.sweep import places
from trainer.sweep.sweeping import execute_sweep

CORES = 2
DIGITS = RunConfig(epochs=20, device="cpu", threads=1, schedule=NoSchedule())
MNIST = DIGITS.model_copy(update={"dataset": "mnist", "epochs": 1})
LRS = {"digits": [0.001, 0.002, 0.003, 0.004], "mnist": [0.001, 0.002]}


def workers(plan: Plan) -> Report:
    """Two workers against one, and Ray's against LRScope's own, where nothing is shared."""
    note = (
        "Each stage is a run on one thread, with store and snapshots: of digits (four runs of "
        f"{DIGITS.epochs} epochs) or of MNIST (two of one); the processes are up before."
    )
    rows: list[Row] = []
    with places.of(CORES) as two:
        for base in (DIGITS, MNIST):
            ours, theirs = in_turns(
                partial(swept, base, plan.root, two),
                partial(swept, base, plan.root, None),
                rounds=plan.rounds,
            )
            rows.append(
                faster(
                    f"a grid on {base.dataset}, {CORES} workers",
                    Figure("LRScope", "s", ours),
                    Figure("one worker", "s", theirs),
                    at_least=1.7,
                )
            )
        if find_spec("ray") is None:
            note += " Ray is not installed: pip install -e '.[bench]'."
            return Report("Where it runs", note, rows)
        with on_ray() as rays:
            ours, theirs = in_turns(
                partial(swept, DIGITS, plan.root, rays),
                partial(swept, DIGITS, plan.root, two),
                rounds=plan.rounds,
            )
        rows.append(
            longer(
                "the grid on digits, on Ray's cluster of this machine",
                Figure("LRScope on Ray", "s", ours),
                Figure("in its own processes", "s", theirs),
                at_most=1.1,
            )
        )
    return Report("Where it runs", note, rows)


@contextmanager
def on_ray() -> Iterator[Sequence[Place]]:
    """Places on a cluster of this machine that ends with the block."""
    import ray

    ray.init(
        "local", num_cpus=CORES, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    try:
        with places.of(CORES, "auto") as started:
            assert started is not None
            yield started
    finally:
        ray.shutdown()


def swept(base: RunConfig, root: Path, at: Sequence[Place] | None) -> float:
    """Seconds of a grid there."""
    asked = grid(base, {"lr": LRS[base.dataset]})
    configs = [cell.config for cell in cells(base, asked)]
    plan: dict[str, Any] = asked.model_dump(mode="json")
    with tempfile.TemporaryDirectory() as home, closing(Store(Path(home))) as store:
        sweep = store.add_sweep("grid", base, plan, configs, claimed=True)
        began = time.perf_counter()
        for _ in execute_sweep(store, sweep, root, places=at):
            pass
        took = time.perf_counter() - began
        ended = store.sweep(sweep)
        assert ended is not None
        assert ended.status == "finished", ended.reason
    return took
