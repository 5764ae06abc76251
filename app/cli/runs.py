"""The commands for what was recorded: `runs`, `show`, `compare`, `rename`, `rm`."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.nearest import known
from app.cli.options import Command, Home, Runs, SomeRuns, one_run, sweep_number
from app.cli.refusals import fail, opened
from trainer.config.run import TRAIN_IMAGES
from trainer.config.schedules import SCHEDULES
from trainer.config.text import nearest

if TYPE_CHECKING:
    from trainer.store.run import Run

STATES = (
    "queued", "training", "paused", "finished", "stopped", "diverged", "failed", "interrupted"
)  # fmt: skip
SHOWN = 50


def register(cli: typer.Typer) -> None:
    for command in (runs, show, compare, rename, rm):
        cli.command(cls=Command)(command)


def _one_of(what: str, words: tuple[str, ...]) -> Any:
    """An option that takes one of these words; of a wrong one it names the nearest."""

    def read(word: str) -> str:
        if word not in words:
            near = nearest(word, words)
            hint = f"the nearest is {near}" if near else f"take one of {', '.join(words)}"
            raise fail(f"There is no {what} {word[:60]!r}: {hint}.")
        return word

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return typer.Option(
        parser=read, metavar="WORD", help=f"Only with this {what}.", autocompletion=complete
    )


def _count(text: str | int) -> int:
    if not str(text).isdecimal() or len(str(text)) > 9:
        raise fail(f"{text!r} is not a number of runs, such as 20; 0 is all.")
    return int(text)


JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, for a script.")]


def runs(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORDS]...",
            help="Only runs that have these words in their names, tags, settings or status.",
            show_default=False,
        ),
    ] = None,
    status: Annotated[str | None, _one_of("status", STATES)] = None,
    schedule: Annotated[str | None, _one_of("schedule", tuple(SCHEDULES))] = None,
    data: Annotated[str | None, _one_of("data set", tuple(TRAIN_IMAGES))] = None,
    limit: Annotated[
        int, typer.Option(parser=_count, metavar="N", help="At most so many; 0 is all.")
    ] = SHOWN,
    archived: Annotated[bool, typer.Option("--archived", help="Also archived runs.")] = False,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line for each run.")
    ] = False,
    home: Home = None,
) -> None:
    """List runs, the newest first, with the best and the last value of what each one watches."""
    from app.cli.tables import print_runs
    from trainer.export.summary import summaries
    from trainer.store import table
    from trainer.store.run import Run

    accepts = _accepts(words or [], status, schedule, data)
    with opened(home) as store:
        found = table.newest(store, limit or None, accepts, archived)
        told = summaries(store, [run for run in found if isinstance(run, Run)])
        if json_lines:
            for record in told:
                print(json.dumps(record, allow_nan=False))
        else:
            print_runs(found, told)


def _accepts(
    words: list[str], status: str | None, schedule: str | None, data: str | None
) -> "Callable[[Run], bool]":
    from app import run_names

    def accepts(run: "Run") -> bool:
        now = "paused" if run.paused else run.status
        if status not in (None, now) or schedule not in (None, run.schedule):
            return False
        if data is not None and (run.config is None or run.config.dataset != data):
            return False
        if not words:
            return True
        told = [
            f"#{run.id}",
            run_names.name(run),
            run_names.details(run),
            *run_names.status(run),
            *run.tags,
        ]
        told += ["archived"] if run.archived else []
        text = " ".join([*told, run.schedule, run.optimizer]).casefold()
        return all(word.casefold() in text for word in words)

    return accepts


def show(
    run: Annotated[int, one_run("The run to show.")],
    as_json: JsonFlag = False,
    home: Home = None,
) -> None:
    """Show a run: what it is, what came of it, its curves and its events."""
    from app.cli.tables import print_run
    from trainer.export.summary import summaries

    with opened(home) as store:
        row = known(store, run)
        (summary,) = summaries(store, [row])
        if as_json:
            told = {"settings": row.settings, "reason": row.reason}
            print(json.dumps({**summary, **told}, allow_nan=False))
        else:
            print_run(store, row, summary)


def compare(runs: Runs, as_json: JsonFlag = False, home: Home = None) -> None:
    """Compare runs: the settings in which they differ, and what came of each."""
    from app.cli.tables import print_comparison
    from trainer.config.table import differences
    from trainer.export.summary import summaries

    numbers = list(dict.fromkeys(runs))
    if len(numbers) < 2:
        raise fail("Name at least two runs to compare, such as: lrscope compare 3 4.")
    with opened(home) as store:
        rows = [known(store, run) for run in numbers]
        planned = [row.recipe.model_copy(update={"epochs": row.epochs}) for row in rows]
        differing = differences(planned)
        told = summaries(store, rows)
    if as_json:
        print(json.dumps({"runs": told, "settings": differing}, allow_nan=False))
    else:
        print_comparison(rows, told, differing)


def rename(
    run: Annotated[int, one_run("The run to name.")],
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Its name; an empty one brings the first name back.",
            show_default=False,
        ),
    ],
    home: Home = None,
) -> None:
    """Name a run."""
    from app import run_names

    with opened(home) as store:
        known(store, run)
        store.rename(run, name)
        print(f"Run {run} is called {run_names.name(known(store, run))}.")


def rm(
    runs: SomeRuns = None,
    sweep: Annotated[
        int | None,
        typer.Option(
            parser=sweep_number, metavar="SWEEP", help="The sweep of this number with its runs."
        ),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Bring deleted runs back.")] = False,
    home: Home = None,
) -> None:
    """Delete runs with their snapshots, or a sweep; for a minute `rm --undo` brings them back."""
    numbers = list(dict.fromkeys(runs or []))
    if bool(numbers) == (sweep is not None):
        raise fail("Name the runs to delete, or a sweep, such as: lrscope rm 3 4.")
    if sweep is not None:
        with opened(home) as store:
            if undo:
                store.restore_sweep(sweep)
                print(f"Brought back sweep {sweep}.")
            else:
                store.delete_sweep(sweep)
                told = f"Deleted sweep {sweep} with its runs. For a minute, this brings it back"
                print(f"{told}: lrscope rm --undo --sweep {sweep}")
        return
    named = " ".join(map(str, numbers))
    with opened(home) as store:
        if not undo:
            for run in numbers:
                known(store, run)
            store.delete(numbers)
            print(f"Deleted {named}. For a minute, this brings back: lrscope rm --undo {named}")
            return
        back = store.restore(numbers)
        if back:
            print(f"Brought back {' '.join(map(str, back))}.")
        for run in numbers:
            if not store.has(run):
                raise fail(f"Run {run} was deleted more than a minute ago and is gone.")
            if run not in back:
                raise fail(f"Run {run} was not deleted.")
