"""A run's events on the terminal: for people, or one JSON object per line for scripts."""

import json
import sys

from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.cli.console import console
from trainer.config.own import called
from trainer.config.run import RunConfig, samples
from trainer.config.text import plain
from trainer.engine import events
from trainer.export import tables
from trainer.replay.comparison import Comparison, rules

STYLES = {"cut": "bold red", "no effect": "red", "improved": "green", "restart": "bold"}


class JsonLines:
    """Prints one object per epoch and one for the run, and nothing else, to stdout. What the run
    waits for and what goes wrong is printed on stderr.
    """

    def __init__(self) -> None:
        self._waits = False

    def show(self, run: int, event: events.Event) -> None:
        waited, self._waits = self._waits, isinstance(event, events.Waiting)
        match event:
            case events.Waiting(sentence):
                if not waited:
                    print(f"lrscope: {sentence}", file=sys.stderr, flush=True)
            case events.Warned(sentence) if sentence:
                print(f"lrscope: {sentence}", file=sys.stderr, flush=True)
            case events.EpochEnded():
                self._print(tables.record(run, event))
            case events.Diverged(reason=reason):
                self._print(tables.record(run, event))
                self._print(tables.ending(run, "diverged", None, reason))
            case events.Failed(reason):
                self._print(tables.ending(run, "failed", None, reason))
            case events.Ended(status, _, test_accuracy):
                self._print(tables.ending(run, status, test_accuracy, None))

    def close(self) -> None:
        """Nothing is left to end."""

    def _print(self, record: tables.Record) -> None:
        print(tables.line(record), flush=True)


class Terminal:
    """A progress bar over the epochs, with a line above it for each epoch and its decision."""

    def __init__(self, config: RunConfig, epochs: int) -> None:
        self.config = config
        self.epochs = epochs
        self._waits = False
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[at]}"),
            TimeRemainingColumn(compact=True),
            console=console(),
            transient=True,
        )
        self._task = self._progress.add_task("getting ready", total=epochs, at="")
        self._progress.start()

    def show(self, run: int, event: events.Event) -> None:
        progress, task, config = self._progress, self._task, self.config
        waited, self._waits = self._waits, isinstance(event, events.Waiting)
        match event:
            case events.Waiting(sentence):
                if not waited:
                    progress.print(sentence, style="yellow", markup=False)
            case events.Downloading(file, received, total):
                share = f" of {total / 1e6:.1f}" if total else ""
                at = f"{received / 1e6:.1f}{share} MB"
                progress.update(task, description=f"downloading {file}", at=at)
            case events.Reading(read, images):
                progress.update(task, description="reading images", at=f"{read:,}/{images:,}")
            case events.Loading(file):
                progress.update(task, description=f"running {file}", at="")
            case events.Started():
                progress.print(
                    f"Run {run}: {called(config.model)} on {called(config.dataset)} "
                    f"({event.train:,} train, {event.val:,} validation, {event.test:,} test "
                    f"{samples(config.dataset)}), {config.optimizer.name}, "
                    f"{config.schedule.name}, {event.device}."
                )
                for note in event.notes:
                    progress.print(plain(note), markup=False)
                progress.update(task, description="training", at=f"0/{self.epochs}")
            case events.Retraining(epoch, needed):
                progress.update(
                    task, description="retraining up to the fork", at=f"{epoch}/{needed}"
                )
            case events.Forked(_, decision) if decision is not None:
                progress.print(f"{event.epoch:>5}  forked here: {escape(decision.sentence)}")
            case events.Intervened():
                if event.name == "epochs":
                    self.epochs += int(event.value or 0)
                    progress.update(task, total=self.epochs)
                progress.print(f"{event.epoch:>5}  [bold]{escape(event.sentence)}[/]")
            case events.Warned(sentence) if sentence:
                progress.print(plain(sentence), style="yellow", markup=False)
            case events.Progress(epoch, batch, batches):
                done = epoch - 1 + batch / batches
                progress.update(task, completed=done, at=f"{epoch - 1}/{self.epochs}")
            case events.EpochEnded():
                progress.update(task, completed=event.epoch, at=f"{event.epoch}/{self.epochs}")
                progress.print(self._line(event))
            case events.Diverged(reason=reason) | events.Failed(reason):
                self._end(f"[bold red]Run {run} did not finish:[/] ", reason)
            case events.Ended("finished"):
                self._end(f"[bold green]Run {run} finished:[/] ", f"{event.told()}.")
            case events.Ended(status):
                self._end(
                    f"[bold]Run {run} was {status}:[/] ", f"lrscope resume {run} continues it."
                )

    def close(self) -> None:
        """Take the bar away, which hides the terminal's cursor, where the process ends at once."""
        if self._progress.console.is_terminal:
            self._progress.stop()

    def _line(self, event: events.EpochEnded) -> str:
        style = STYLES.get(event.decision.kind, "dim")
        return f"{event.told()}  [{style}]{escape(event.decision.told(self.epochs))}[/]"

    def _end(self, styled: str, sentence: str) -> None:
        self._progress.stop()
        console = self._progress.console
        console.print(styled, end="")
        console.print(plain(sentence), markup=False)


def print_replay(run: int, comparison: Comparison) -> None:
    """Print a replay as JSON, one object per line, with whether each epoch is still exact."""
    first = comparison.first
    for step in comparison.steps:
        exact = first is None or step.epoch < first
        record = {"run": run, "epoch": step.epoch, "lr": step.lr, "lr_last": step.lr_last}
        decision = step.decision.model_dump()
        print(json.dumps({**record, "exact": exact, "decision": decision}, allow_nan=False))


def print_comparison(run: int, comparison: Comparison) -> None:
    """Print what would have been different, and a table of each rule's cuts."""
    out = console()
    out.print(f"Run {run}. {plain(comparison.sentence)}", markup=False)
    if comparison.remedy:
        out.print(plain(comparison.remedy), markup=False)
    table = Table("", "cuts after epoch", box=None, padding=(0, 2, 0, 0))
    rows = {"this run": comparison.cuts, "what if": comparison.would_cut, **rules(comparison)}
    for name, cuts in rows.items():
        table.add_row(name, ", ".join(map(str, cuts)) or "none")
    out.print(table)
