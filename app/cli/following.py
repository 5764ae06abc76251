"""Follows a curve that another program is writing, in the foreground, and prints its epochs."""

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from app.cli.console import console
from app.cli.refusals import output_lost
from app.cli.signals import Ending
from app.cli.terminal import STYLES
from trainer.config.text import lr_text, plain, significant
from trainer.engine import events
from trainer.export import tables

if TYPE_CHECKING:
    from trainer.curves.following import Following
    from trainer.store.store import Store

MOST_SHOWN = 4  # metrics on a line


def follow(
    store: "Store",
    file: Path,
    tag: str | None,
    values: dict[str, Any],
    json_lines: bool,
    until_quiet: float | None,
) -> None:
    """Follow a file until Ctrl-C, SIGTERM or the command to stop, and print what comes. An output
    that cannot be written ends it, too; the run can go on with the same file.
    """
    from trainer.curves.following import Following

    following = Following(store, file, values, tag)
    stop, shutdown = threading.Event(), threading.Event()
    ending = Ending(stop.set, store.abandon)
    show = _as_json if json_lines else _Text().show
    lost: OSError | None = None
    last: events.Event | None = None
    if not json_lines:
        print(_began(following), flush=True)
    run = following.run
    for event in following.events(stop, shutdown, until_quiet):
        last = event
        if lost is None:
            try:
                if run != following.run and not json_lines:
                    print(
                        f"{plain(following.name)} was begun anew: run {following.run} follows it."
                    )
                run = following.run
                show(run, event)
            except OSError as error:
                lost = error
                shutdown.set()
    if lost is not None:
        again = f"; lrscope import --follow goes on with run {run}"
        raise typer.Exit(output_lost(lost, again))
    if ending.code or isinstance(last, events.Failed):
        raise typer.Exit(ending.code or 1)


def _began(following: "Following") -> str:
    done = "goes on with" if following.goes_on else "follows"
    return f"Run {following.run} {done} {plain(following.name)}. Ctrl-C ends it."


def _as_json(run: int, event: events.Event) -> None:
    match event:
        case events.Waiting(sentence) | events.Warned(sentence) if sentence:
            print(f"lrscope: {plain(sentence)}", file=sys.stderr, flush=True)
        case events.EpochEnded():
            print(tables.line(tables.record(run, event)), flush=True)
        case events.Failed(reason):
            print(tables.line({"run": run, "status": "failed", "reason": reason}), flush=True)
        case events.Ended(status):
            print(tables.line({"run": run, "status": status}), flush=True)


class _Text:
    """Prints events for people."""

    def __init__(self) -> None:
        self._told = 0  # the last epoch that has a line

    def show(self, run: int, event: events.Event) -> None:
        out = console()
        match event:
            case events.Waiting(sentence) | events.Warned(sentence) if sentence:
                out.print(plain(sentence), style="yellow", markup=False)
            case events.EpochEnded(decision=decision):
                style = STYLES.get(decision.kind, "dim")
                said = escape(decision.sentence)
                # An epoch again: what was done at its end shows in the LR of the next.
                numbers = (
                    f"{event.epoch:>5}" if event.epoch == self._told else escape(_numbers(event))
                )
                self._told = event.epoch
                out.print(f"{numbers}  [{style}]{said}[/]", soft_wrap=True)
            case events.Failed(reason):
                out.print(f"Run {run} has failed: {plain(reason)}", style="bold red", markup=False)
            case events.Ended("interrupted"):
                again = "follow the file again to go on."
                out.print(f"Run {run} was interrupted: {again}", markup=False)
            case events.Ended(status):
                out.print(f"Run {run} has {'ended' if status == 'finished' else 'been stopped'}.")


def _numbers(row: events.EpochEnded) -> str:
    shown = list(row.metrics.items())[:MOST_SHOWN]
    metrics = "".join(f"{_short(name)} {significant(value):<8} " for name, value in shown)
    return f"{row.epoch:>5}  lr {lr_text(row.lr):<8} {metrics}"


def _short(name: str) -> str:
    return plain(name.removesuffix("_loss"), 20)
