"""The command that trains a grid: `sweep`."""

import json
import threading
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from app.cli.console import console
from app.cli.draining import drain
from app.cli.options import (
    Budget,
    Command,
    ConfigFile,
    Data,
    Datasets,
    Home,
    JsonFlag,
    from_file,
    given,
    sweep_number,
    with_data,
    with_settings,
)
from app.cli.refusals import fail, opened, output_lost
from app.cli.terminal import JsonLines
from trainer import folders
from trainer.config.grid import MOST_SEEDS, MOST_WORKERS, cells, grid, split
from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS, ConfigError, changed
from trainer.config.text import significant
from trainer.engine import events
from trainer.export.error import ExportError
from trainer.own.errors import OwnError
from trainer.own.fitting import refuse_unfit
from trainer.snapshots.files import BUDGET_MB
from trainer.sweep.adding import add
from trainer.sweep.find.sentences import sentences
from trainer.sweep.reading import Reading
from trainer.sweep.settings import Tried, text
from trainer.sweep.statement import statement
from trainer.sweep.summary import counted, named, stand, summary

if TYPE_CHECKING:
    from trainer.store.store import Store
    from trainer.store.sweeps import Sweep
    from trainer.sweep.sweeping import CellEvent

SHOWN = 12  # settings in the live table
# Seconds between two drawings of the table, and how many times as long as one took, so that drawing
# it costs a twentieth at most.
REDRAWN, REST = 0.5, 20
PIPED_SECONDS = 10.0  # between two lines where there is no terminal to draw in


def register(cli: typer.Typer) -> None:
    cli.command("sweep", cls=Command)(with_settings(sweep))


def sweep(
    seeds: Annotated[
        int, typer.Option(min=1, max=MOST_SEEDS, help="How many seeds, from --seed on.")
    ] = 1,
    halving: Annotated[
        bool,
        typer.Option(
            "--halving",
            help="Stop the cells that lag early (successive halving); lrscope resume RUN goes on "
            "with one.",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_WORKERS,
            help="Processes that train at the same time. Default 1; as many as a cluster has room "
            "for.",
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Train on the Ray cluster at this address; auto for that of this machine.",
        ),
    ] = None,
    gpus: Annotated[
        float,
        typer.Option(min=0, help="GPUs that each worker takes of a cluster, also a part of one."),
    ] = 0.0,
    resume: Annotated[
        int | None,
        typer.Option(
            parser=sweep_number,
            metavar="SWEEP",
            help="Go on with a sweep that was ended early, of this number, in place of a new one.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call the sweep.")] = None,
    data: Data = None,
    config: ConfigFile = None,
    json_lines: JsonFlag = False,
    home: Home = None,
    datasets: Datasets = None,
    snapshot_budget: Budget = BUDGET_MB,
    **settings: str | None,
) -> None:
    """Train every combination of settings: give several values with commas, such as
    --lr 0.001,0.01 --patience 2,5,10.

    Epochs that several combinations share are trained once, and each comes out bit by bit as a run
    of its own.
    """
    where = {"workers": workers, "ray": ray, "gpus": gpus}
    if resume is not None:
        if given(settings) or data or config or name or seeds > 1 or halving:
            raise fail("--resume goes on with a sweep as it is: leave its settings out.")
        with opened(home) as store:
            store.resume_sweep(resume, claimed=True)
            follow(store, resume, json_lines, datasets, snapshot_budget, where)
        return
    if gpus and ray is None:
        raise fail("--gpus is for a Ray cluster: give its --ray ADDRESS, too.")
    options = given(with_data(settings, data))
    try:
        kept = from_file(config)
        values = {
            key: [text] if data and key == "dataset" else split(key, text)
            for key, text in options.items()
        }
        single = {key: found[0] for key, found in values.items() if len(found) == 1}
        several = {key: found for key, found in values.items() if len(found) != 1}
        base = _with_owners(kept, single, several)
        asked = grid(base, several, seeds=seeds, mode="halving" if halving else "grid")
        chosen = [cell.config for cell in cells(base, asked)]
        refuse_unfit(chosen[0])
    except (ConfigError, ExportError, OwnError) as error:
        raise fail(str(error)) from None
    with opened(home, create=True) as store:
        added = add(store, base, asked, workers or 1, name, claimed=True)
        follow(store, added, json_lines, datasets, snapshot_budget, where)


def _with_owners(
    base: RunConfig, single: dict[str, Any], several: dict[str, list[Any]]
) -> RunConfig:
    """The config with the settings of one value; those of a schedule or an optimizer which is
    itself one of several apply to it there.
    """
    own = {s.key for s in SETTINGS if s.group in several}
    moved = {key: value for key, value in single.items() if key in own}
    for key, value in moved.items():
        several[key] = [value]
        del single[key]
    return changed(base, single)


def follow(
    store: "Store",
    number: int,
    json_lines: bool,
    datasets: Path | None,
    budget_mb: float,
    where: Mapping[str, Any] | None = None,
) -> None:
    """Train a claimed sweep and print it as it goes.

    Args:
        where: where it trains, as arguments of `trainer.sweep.places.of_sweep`.
    """
    from trainer.sweep import places
    from trainer.sweep.find.finding import execute_find
    from trainer.sweep.sweeping import execute_sweep

    row = store.sweep(number)
    assert row is not None
    shown = _Json(store, row) if json_lines else _Terminal(store, row)

    def training(shutdown: threading.Event) -> "Generator[CellEvent, None, None]":
        execute = execute_sweep if row.kind == "grid" else execute_find
        root = datasets or folders.datasets()
        with places.of_sweep(row, **(where or {})) as there:
            yield from execute(store, number, root, shutdown, budget_mb, there)

    try:
        drained = drain(store, training, shown.show, lambda *_: shown.close())
    except places.PlaceError as error:
        store.end_sweep(number, "interrupted", str(error))
        shown.close()
        raise fail(str(error)) from None
    ended = store.sweep(number)
    assert ended is not None
    try:
        if drained.lost is None:
            shown.end(ended)
    except OSError as error:
        drained.lost = error
    finished = ended.status == "finished"
    if drained.lost is not None:
        hint = "" if finished else f"; lrscope sweep --resume {number} continues it"
        raise typer.Exit(output_lost(drained.lost, hint))
    if not finished:
        raise typer.Exit(drained.code or 1)


class _Json:
    """A line for each epoch that is trained, and a last one for the sweep."""

    def __init__(self, store: "Store", sweep: "Sweep") -> None:
        self._store = store
        self._sweep = sweep
        self._lines = JsonLines()

    def show(self, told: "CellEvent") -> None:
        if not isinstance(told.event, events.Ended):
            self._lines.show(*told)

    def close(self) -> None:
        pass

    def end(self, sweep: "Sweep") -> None:
        last = summary(self._store, sweep)
        if sweep.kind != "grid":
            last |= {"kind": sweep.kind, "answer": sweep.answer, "sentences": told_of(sweep)}
        print(json.dumps(last, allow_nan=False), flush=True)


class _Terminal:
    """A table of the best settings so far, drawn anew as the cells train; into a pipe a line on how
    far it is, now and then.
    """

    def __init__(self, store: "Store", sweep: "Sweep") -> None:
        self._store = store
        self._sweep = sweep
        self._reading = Reading(store)
        self._told: set[str] = set()
        self._live = Live(console=console(), auto_refresh=False, transient=True)
        self._rests_until, self._least = monotonic(), REDRAWN
        if self._live.console.is_terminal:
            self._live.start()
        else:
            self._least = PIPED_SECONDS
            self._rests_until += PIPED_SECONDS

    def show(self, told: "CellEvent") -> None:
        match told.event:
            case events.Waiting(sentence) | events.Warned(str(sentence)):
                self._say(sentence)
            case events.Failed(reason):
                self._say(f"Run {told.run} failed: {reason}")
            case events.Progress(seed, batch, batches) if self._sweep.kind == "range":
                at = f"Sweep {self._sweep.id}: seed {seed}, batch {batch} of {batches}"
                self._live.update(Text(at), refresh=True)
            case events.EpochEnded() | events.Diverged() | events.Ended():
                began = monotonic()
                if began <= self._rests_until:
                    return
                if self._live.is_started:
                    self._live.update(self._drawn(), refresh=True)
                else:
                    cells = len(self._store.cells(self._sweep.id))
                    self._live.console.print(self._head(cells), markup=False)
                now = monotonic()
                self._rests_until = now + max(self._least, REST * (now - began))

    def close(self) -> None:
        self._live.stop()

    def end(self, sweep: "Sweep") -> None:
        self._live.stop()
        out = self._live.console
        out.print(self._drawn())
        if sweep.status == "finished":
            out.print(f"Sweep {sweep.id} finished. {sweep.reason or ''}".strip(), markup=False)
            for sentence in self._found(sweep) if sweep.kind == "grid" else told_of(sweep):
                out.print(sentence, markup=False)
        else:
            again = f"lrscope sweep --resume {sweep.id} continues it."
            reason = f" {sweep.reason}" if sweep.reason else ""
            out.print(f"Sweep {sweep.id} was {sweep.status}:{reason} {again}", markup=False)

    def _found(self, sweep: "Sweep") -> list[str]:
        from trainer.sweep.find.finding import with_pair

        return with_pair(self._store, sweep, statement(*stand(self._reading, sweep)[0]))

    def _say(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self._live.console.print(sentence, style="yellow", markup=False)

    def _drawn(self) -> Group:
        if self._sweep.kind == "range":
            return Group()
        found, rows = stand(self._reading, self._sweep)
        head = Text(self._head(len(found.read.cells)))
        return Group(head, _table(self._sweep, rows, found.read.metric))

    def _head(self, cells: int) -> str:
        return f"Sweep {self._sweep.id}: {counted(cells, self._store.epochs_of(self._sweep.id))}"


def told_of(sweep: "Sweep") -> list[str]:
    """What a way to find an LR has found, in sentences."""
    return sentences(sweep.kind, sweep.answer) if sweep.answer else []


def _table(sweep: "Sweep", rows: Sequence[Tried], metric: str) -> Table:
    values = [named(sweep, row) for row in rows]
    keys = list(dict.fromkeys(key for own in values for key in own))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for key in keys:
        table.add_column(key, no_wrap=True)
    for column in (metric, "seeds", "done", "runs"):
        table.add_column(column, no_wrap=True, justify="right")
    for row, own in list(zip(rows, values, strict=True))[:SHOWN]:
        least, most = min(c.epoch for c in row.cells), max(c.epoch for c in row.cells)
        table.add_row(
            *(text(key, own[key]) if key in own else "" for key in keys),
            "-" if row.mean is None else significant(row.mean),
            str(len(row.cells)),
            str(least) if least == most else f"{least} to {most}",
            _numbers(row.runs),
        )
    if len(rows) > SHOWN:
        table.add_row(f"and {len(rows) - SHOWN:,} more", style="dim")
    return table


def _numbers(runs: Sequence[int]) -> str:
    return ", ".join(map(str, runs[:3])) + (" ..." if len(runs) > 3 else "")
