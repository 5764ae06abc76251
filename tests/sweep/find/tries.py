"""Runs at LRs as the record has them, without training any."""

from collections.abc import Mapping, Sequence

from trainer.store.store import Store
from trainer.store.sweeps import Sweep
from trainer.sweep.find.answers import Answer, Tried


def tried(
    run: int, lr: float, losses: Sequence[float | None], seed: int = 0, diverged: bool = False
) -> Tried:
    lrs = tuple(lr for _ in losses)
    return Tried(run, lr, seed, tuple(losses), lrs, not diverged, diverged)


def of_seeds(table: Mapping[float, Sequence[float | None]]) -> list[Tried]:
    """A run for each LR and seed that ends with this loss; None has diverged."""
    return [
        tried(10 * i + seed, lr, (1.0, loss), seed, loss is None)
        for i, (lr, losses) in enumerate(table.items())
        for seed, loss in enumerate(losses)
    ]


def row_of(store: Store, sweep: int) -> Sweep:
    row = store.sweep(sweep)
    assert row is not None
    return row


def answered(store: Store, sweep: int) -> Answer:
    """The answer that a sweep has recorded."""
    answer = row_of(store, sweep).answer
    assert answer is not None
    return answer
