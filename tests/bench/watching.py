"""What `lrscope.watch` costs a loop of one's own, beside trackio's `log`."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any

import torch

from tests.bench.sides import (
    TUTORIAL,
    Pictures,
    Tutorial,
    part_of,
    plainly,
    random_images,
    shuffled,
)
from tests.bench.table import Figure, Plan, Report, Row, Target, longer, percentile
from tests.bench.turns import in_turns, seconds
from trainer.engine.datasets import load
from trainer.watch import Scope, watch

EPOCHS = 200  # a turn
SHARE = 0.2  # of MNIST a turn
CALLS = 100_000
MNIST_SHAPE = (1, 28, 28)

Log = Callable[[dict[str, float]], None]


def watching(plan: Plan) -> Report:
    """Milliseconds of a call an epoch, and what calls at each batch add to an epoch."""
    rows = [*_an_epochs_call(plan.rounds), *_an_epochs_batches(plan)]
    note = (
        f"A plain torch loop with the CNN and a plateau rule. A call: {EPOCHS} epochs of one batch "
        "a turn; trackio's log in turns in the same process, without its samples of the machine. "
        f"An epoch: {SHARE:.0%} of MNIST a turn, twice as many rounds, each batch's loss given to "
        "scope.batch."
    )
    if not find_spec("trackio"):
        note += " trackio is not installed: pip install -e '.[bench]'."
    return Report("A loop of one's own, watched", note, rows)


def _an_epochs_call(rounds: int) -> list[Row]:
    with ExitStack() as stack, tempfile.TemporaryDirectory() as home:
        names: list[str] = ["scope.epoch"]
        sides: list[Callable[[], tuple[float, ...]]] = [lambda: call_times(scope_in(home))]
        if find_spec("trackio"):
            log = stack.enter_context(_trackio())
            names.append("trackio.log")
            sides.append(lambda: call_times(_logs(log)))
        turns = [[side() for side in sides] for _ in range(rounds + 1)][1:]
    rows = []
    for what, percent in (("median", 50), ("p99", 99)):
        ours, *theirs = (
            Figure(name, "ms", tuple(percentile(times, percent) for times in turn))
            for name, turn in zip(names, zip(*turns, strict=True), strict=True)
        )
        against = theirs[0] if theirs else None
        rows.append(Row(f"a call an epoch, {what}", ours, against, target=Target("at most", 1.0)))
    return rows


def call_times(telling: Callable[[Tutorial], Iterator[Log]]) -> tuple[float, ...]:
    """Milliseconds of each call in a loop of `EPOCHS` epochs of one batch."""
    splits = random_images(MNIST_SHAPE, TUTORIAL.batch_size, 1)
    loop = Tutorial(plainly(TUTORIAL, splits), TUTORIAL)
    (batch,) = shuffled(Pictures(splits.train), TUTORIAL)
    took = []
    with contextmanager(telling)(loop) as log:
        for _ in range(EPOCHS):
            (loss,) = loop.epoch([batch])
            metrics = {"train_loss": loss, "val_loss": loss, "val_accuracy": 0.5}
            took.append(1e3 * seconds(lambda metrics=metrics: log(metrics)))  # type: ignore[misc]
    return tuple(took)


def scope_in(home: str) -> Callable[[Tutorial], Iterator[Log]]:
    """Watches a loop, with that home."""

    def telling(loop: Tutorial) -> Iterator[Log]:
        with watch("bench", loop.scheduler, home=home) as scope:
            yield lambda metrics: scope.epoch(**metrics)

    return telling


def _logs(log: Log) -> Callable[[Tutorial], Iterator[Log]]:
    def telling(_: Tutorial) -> Iterator[Log]:
        yield log

    return telling


@contextmanager
def _trackio() -> Iterator[Log]:
    """A run of trackio's, in a folder of its own and without a network."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"TRACKIO_DIR": folder, "HF_HUB_OFFLINE": "1"}  # read by the import
        import trackio

        trackio.init("bench", auto_log_gpu=False, auto_log_cpu=False)
        try:
            yield trackio.log
        finally:
            trackio.finish()


def _an_epochs_batches(plan: Plan) -> list[Row]:
    whole = load(TUTORIAL.dataset, plan.root, TUTORIAL.seed)
    splits = part_of(whole, SHARE, 1)
    images = splits.train.x.float() / 255
    batches = list(
        zip(
            images.split(TUTORIAL.batch_size),
            splits.train.y.split(TUTORIAL.batch_size),
            strict=True,
        )
    )
    loops = [Tutorial(plainly(TUTORIAL, splits), TUTORIAL) for _ in range(2)]
    with (
        tempfile.TemporaryDirectory() as home,
        watch("bench", loops[0].scheduler, home=home, control=True) as scope,
    ):
        ours, theirs = in_turns(
            lambda: seconds(lambda: epoch(loops[0], batches, scope)),
            lambda: seconds(lambda: epoch(loops[1], batches, None)),
            rounds=2 * plan.rounds,
        )
        calls = tuple(1e6 * seconds(lambda: _call(scope)) / CALLS for _ in range(plan.rounds))
    scale = len(whole.train) / len(splits.train)
    return [
        longer(
            "one MNIST epoch",
            Figure("watched", "s", tuple(scale * took for took in ours)),
            Figure("not watched", "s", tuple(scale * took for took in theirs)),
            1.01,
        ),
        Row("a call at a batch, with those that are due", Figure("scope.batch", "µs", calls)),
    ]


def _call(scope: Scope) -> None:
    for _ in range(CALLS):
        scope.batch(0.5)


def epoch(loop: Tutorial, batches: list[Any], scope: Scope | None) -> None:
    """An epoch of a plain torch loop over tensors."""
    total = torch.zeros(())
    for x, y in batches:
        loss = loop.criterion(loop.model(x), y)
        loop.optimizer.zero_grad()
        loss.backward()
        loop.optimizer.step()
        total += loss.detach()
        if scope is not None:
            scope.batch(loss)
    mean = float(total) / len(batches)
    loop.scheduler.step(mean)
    if scope is not None:
        scope.epoch(train_loss=mean)
