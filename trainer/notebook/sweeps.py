"""`lrscope.sweep`: trains a grid in a script or a notebook. torch-free until then."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from .. import folders
from ..config.grid import LISTS, grid
from ..config.run import RunConfig
from ..config.table import changed, keyed
from ..engine.events import Diverged, Ended, Failed, Waiting, Warned
from ..export.tables import Record
from ..store.run import Run
from ..store.store import Store
from ..store.sweeps import Sweep
from ..sweep import places
from ..sweep.adding import add
from ..sweep.reading import Reading
from ..sweep.statement import statement
from ..sweep.summary import counted, stand, summary
from ..sweep.sweeping import CellEvent, execute_sweep
from .training import STOPPING, Training
from .values import plain


def sweep(
    config: RunConfig | None = None,
    *,
    seeds: int = 1,
    halving: bool = False,
    workers: int | None = None,
    ray: str | None = None,
    gpus: float = 0.0,
    name: str | None = None,
    home: Path | str | None = None,
    datasets: Path | str | None = None,
    **settings: Any,
) -> Record:
    """Train every combination of settings and keep the runs, as `lrscope sweep` does.

        sweep(lr=[0.001, 0.01, 0.1], patience=[2, 5, 10], seeds=3, epochs=50)

    Epochs that several combinations share are trained once, and each run comes out bit by bit as
    one of its own. An interrupt ends the sweep at the next batch; `lrscope sweep --resume` or the
    page continues it.

    Args:
        config: what the runs have in common; the default one if None.
        seeds: how many seeds, from the config's own on.
        halving: stop the runs that lag early.
        workers: how many train at the same time, in a process each; one if None or, on a Ray
            cluster, as many as there is room for.
        ray: the address of a Ray cluster to train on, or auto for that of this machine.
        gpus: GPUs that each takes of the cluster, also a part of one.
        name: what to call the sweep.
        home: the folder of the runs; LRScope's own if None.
        datasets: the folder of the data sets; LRScope's own if None.
        settings: changes to the config, named as in the terminal, with underscores. A list, an
            array, a tensor, a range or an iterator has several values; of a setting that is itself
            a list, several lists.

    Returns:
        A record: `sweep` (its number), `status`, `cells` (how many runs), `asked` and `trained`
        (epochs), and `best`: the settings with the lowest validation loss, their `runs`, and the
        geometric mean of their seeds.

    Raises:
        ConfigError: a setting is unknown or out of its bounds.
        StoreError: the store cannot be used.
        PlaceError: there is no such Ray cluster, or ray is not installed.
    """
    given = {key: plain(value) for key, value in keyed(settings).items()}
    seeds, workers = plain(seeds), plain(workers)
    if gpus and ray is None:
        raise places.PlaceError("gpus is for a Ray cluster: give its address as ray, too.")
    several = {key: value for key, value in given.items() if _is_several(key, value)}
    single = {key: value for key, value in given.items() if key not in several}
    base = changed(config or RunConfig(), single)
    asked = grid(base, several, seeds=seeds, mode="halving" if halving else "grid")
    store = Store(Path(home or folders.home()))
    try:
        number = add(store, base, asked, 1 if workers is None else workers, name, claimed=True)
    except BaseException:
        store.close()
        raise
    train = partial(
        _events, store, number, Path(datasets or folders.datasets()), (workers, ray, gpus)
    )
    return _follow(store, number, train)


def _is_several(key: str, value: Any) -> bool:
    if not isinstance(value, list):
        return False
    return key not in LISTS or any(isinstance(part, list) for part in value)


def _follow(
    store: Store, number: int, train: Callable[[threading.Event], Generator[CellEvent, None, None]]
) -> Record:
    """Train a claimed sweep; a line for each run that ends, and at the end what it shows."""
    home, lines = store.home, Lines()
    training = Training(store, train)
    training.start()
    try:
        for told in training.news():
            lines.show(told)
    except BaseException as error:
        training.shutdown.set()
        if not isinstance(error, KeyboardInterrupt):
            raise
        print(STOPPING)
        for told in training.news():
            lines.show(told)
    with closing(Store(home)) as again:
        ended = again.sweep(number)
        assert ended is not None
        lines.end(again, ended)
        return summary(again, ended)


def _events(
    store: Store,
    number: int,
    datasets: Path,
    where: tuple[int | None, str | None, float],
    shutdown: threading.Event,
) -> Generator[CellEvent, None, None]:
    row = store.sweep(number)
    assert row is not None
    try:
        with places.of_sweep(row, *where) as there:
            yield from execute_sweep(store, number, datasets, shutdown, places=there)
    except places.PlaceError as error:
        store.end_sweep(number, "interrupted", str(error))
        raise


class Lines:
    """What is printed of a sweep: its runs as they end, then what became of the others."""

    def __init__(self) -> None:
        self._told: set[int] = set()

    def show(self, told: Sequence[CellEvent]) -> None:
        for run, event in told:
            match event:
                case Waiting(sentence) | Warned(str(sentence)):
                    print(sentence)
                case Diverged(reason=reason) | Failed(reason):
                    self._told.add(run)
                    print(f"Run {run} did not finish: {reason}")
                case Ended("finished"):
                    self._told.add(run)
                    print(f"Run {run} finished: {event.told()}.")

    def end(self, store: Store, sweep: Sweep) -> None:
        others, cells = dict[str, list[int]](), store.cells(sweep.id)
        for cell in cells:
            if cell.id not in self._told:
                others.setdefault(_became(cell), []).append(cell.id)
        for sentence, runs in others.items():
            print(f"Run{'s' if runs[1:] else ''} {', '.join(map(str, runs))}: {sentence}")
        epochs, (found, _) = store.epochs_of(sweep.id), stand(Reading(store), sweep)
        was = "" if sweep.status == "finished" else "was "
        print(f"Sweep {sweep.id} {was}{sweep.status}: {counted(len(cells), epochs)}.")
        for sentence in statement(*found):
            print(sentence)


def _became(cell: Run) -> str:
    """What became of a cell that has not ended by itself."""
    if cell.status in ("finished", "diverged", "failed"):
        return f"All epochs are those of run {cell.parent}, and the end, too."
    return cell.reason or f"Ended early ({cell.status}), after epoch {cell.epoch}."
