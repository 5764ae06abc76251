"""A store of many runs, all different, written in one transaction."""

import json
import math
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.small import OPTIMIZERS, SCHEDULES
from trainer.config import versions
from trainer.config.metrics import rises
from trainer.config.run import RunConfig
from trainer.replay.replay import replay
from trainer.store.recording import stored
from trainer.store.store import Store

NAMES = [None, None, None, "baseline", "Vergleich mit Ömer", "no decay", "tried on the train"]
TAGS = [[], [], ["paper"], ["paper", "été"], ["slow"]]
STATUSES = ["finished"] * 6 + ["stopped", "diverged", "failed", "interrupted"]


def fill(store: Store, runs: int, epochs: int, seed: int = 0) -> None:
    """Add so many runs of so many epochs each to an empty store."""
    drawn = random.Random(seed)
    curve = [2 * math.exp(-4 * e / epochs) + 0.05 for e in range(epochs)]
    decided = [stored(step.decision) for step in replay(curve, RunConfig(epochs=epochs))]
    with closing(sqlite3.connect(store.path)) as connection, connection:
        for number in range(1, runs + 1):
            config = _config(drawn, epochs)
            _insert_run(connection, drawn, number, config)
            rows = list(_epochs(drawn, curve, config.lr))
            connection.executemany(
                "INSERT INTO epochs VALUES (?, ?, ?, ?, ?, 0.1, ?)",
                [
                    (number, e, lr, lr, json.dumps(metrics), decision)
                    for (e, lr, metrics), decision in zip(rows, decided, strict=True)
                ],
            )
            connection.executemany(
                "INSERT INTO best VALUES (?, ?, ?, ?)",
                [(number, name, *_best(rows, name)) for name in rows[0][2]],
            )


def _config(drawn: random.Random, epochs: int) -> RunConfig:
    return RunConfig(
        epochs=epochs,
        lr=drawn.choice([0.1, 0.01, 3e-3, 1e-3]),
        seed=drawn.randrange(10),
        model=drawn.choice(["cnn", "mlp", "lenet5"]),
        dataset=drawn.choice(["digits", "mnist"]),
        monitor=drawn.choice(["val_loss", "val_loss", "val_accuracy"]),
        optimizer=drawn.choice(list(OPTIMIZERS.values())),
        schedule=drawn.choice([s for n, s in SCHEDULES.items() if n != "CyclicLR"]),
    )


def _insert_run(
    connection: sqlite3.Connection, drawn: random.Random, number: int, config: RunConfig
) -> None:
    began = 1.7e9 + 100 * number
    values: dict[str, Any] = {
        "id": number,
        "created": began,
        "source": "trained",
        "config": config.model_dump_json(),
        "config_version": versions.VERSION,
        "status": drawn.choice(STATUSES),
        "began": began,
        "ended": began + drawn.uniform(5, 90),
        "epoch": config.epochs,
        "test_accuracy": drawn.choice([None, drawn.random()]),
        "name": drawn.choice(NAMES),
        "starred": drawn.random() < 0.1,
        "tags": json.dumps(drawn.choice(TAGS)),
        "note": drawn.choice([None, None, "Look at epoch 12 again."]),
    }
    connection.execute(
        f"INSERT INTO runs ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
        list(values.values()),
    )


def _epochs(
    drawn: random.Random, curve: list[float], lr: float
) -> Iterator[tuple[int, float, dict[str, float]]]:
    level = drawn.uniform(0.5, 2)
    for e, value in enumerate(curve, 1):
        loss = value * level * drawn.uniform(0.9, 1.1)
        metrics = {"train_loss": 0.9 * loss, "val_loss": loss, "val_accuracy": 1 - loss / 5}
        yield e, lr * 0.1 ** (3 * e // len(curve)), metrics


def _best(rows: list[tuple[int, float, dict[str, float]]], name: str) -> tuple[int, float]:
    cost, epoch = min((-m[name] if rises(name) else m[name], e) for e, _, m in rows)
    return epoch, cost


if __name__ == "__main__":
    home, runs, epochs = sys.argv[1:]
    start = time.perf_counter()
    with closing(Store(Path(home))) as store:
        fill(store, int(runs), int(epochs))
    print(f"{runs} runs of {epochs} epochs in {time.perf_counter() - start:.1f} s")
