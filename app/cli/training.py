"""The commands that train: `train`, `fork`, `resume`; and `control`, which changes a run."""

import sys
import threading
from collections.abc import Generator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from app.cli.draining import drain
from app.cli.nearest import known
from app.cli.options import (
    Budget,
    Command,
    ConfigFile,
    Data,
    Datasets,
    Home,
    JsonFlag,
    epoch_number,
    from_file,
    given,
    number,
    one_run,
    with_data,
    with_settings,
)
from app.cli.refusals import fail, opened, output_lost
from app.cli.stuck import abandoned
from trainer import folders
from trainer.config import forks
from trainer.config.table import ConfigError, changed
from trainer.engine.events import Diverged, Ended, Event, Failed, Loading
from trainer.export.error import ExportError
from trainer.own.errors import OwnError
from trainer.own.fitting import refuse_unfit
from trainer.own.naming import with_names
from trainer.schedule.interventions import ByHand
from trainer.snapshots.files import BUDGET_MB

if TYPE_CHECKING:
    from trainer.store.store import Store

FINAL = (Ended, Diverged, Failed)


def register(cli: typer.Typer) -> None:
    cli.command("train", cls=Command)(with_settings(train))
    cli.command("fork", cls=Command)(with_settings(fork))
    cli.command(cls=Command)(resume)
    cli.command(cls=Command, context_settings={"ignore_unknown_options": True})(control)


def train(
    data: Data = None,
    config: ConfigFile = None,
    json_lines: JsonFlag = False,
    home: Home = None,
    datasets: Datasets = None,
    snapshot_budget: Budget = BUDGET_MB,
    **settings: str | None,
) -> None:
    """Train one run in the terminal; an open page with the same home shows it live."""
    settings = with_data(settings, data)
    try:
        kept = from_file(config)
        chosen = changed(kept, given(settings))
        refuse_unfit(chosen)
    except ConfigError as error:
        raise fail(str(with_names(error, settings["model"]))) from None
    except (ExportError, OwnError) as error:
        raise fail(str(error)) from None
    with opened(home, create=True) as store:
        _follow(store, store.add(chosen, claimed=True), json_lines, datasets, snapshot_budget)


def fork(
    run: Annotated[int, one_run("The run to fork.")],
    epoch: Annotated[
        int,
        typer.Argument(
            parser=epoch_number,
            metavar="EPOCH",
            help="The epoch to continue from; 0 is the start.",
        ),
    ],
    json_lines: JsonFlag = False,
    home: Home = None,
    datasets: Datasets = None,
    snapshot_budget: Budget = BUDGET_MB,
    **settings: str | None,
) -> None:
    """Start a new run from one of a run's epochs, optionally with other settings.

    Settings not given are the parent's. Data, model, optimizer class, batch size, seed, warm-up and
    device and threads cannot change, since both runs share the epochs before the fork.
    """
    from trainer.store import lineage

    with opened(home) as store:
        parent = known(store, run)
        refused = lineage.refusal(store, run, epoch)
        if refused or parent.config is None:
            raise fail(refused or f"Run {run} cannot be forked.")
        config = forks.changed_config(parent.config, parent.epochs, given(settings))
        owner = lineage.owner(store, run, epoch)
        length = lineage.length(store, config, owner, epoch)
        forks.check(parent.config, config, epoch, length, parent.batches)
        child = store.add(config, parent=(owner, epoch), claimed=True)
        _follow(store, child, json_lines, datasets, snapshot_budget)


def resume(
    run: Annotated[int, one_run("The run to continue.")],
    json_lines: JsonFlag = False,
    home: Home = None,
    datasets: Datasets = None,
    snapshot_budget: Budget = BUDGET_MB,
) -> None:
    """Continue a run that was stopped, or whose process died, from its last snapshot."""
    with opened(home) as store:
        known(store, run)
        store.resume(run, claimed=True)
        _follow(store, run, json_lines, datasets, snapshot_budget)


class ControlCommand(StrEnum):
    """The commands of `lrscope control`."""

    PAUSE = "pause"
    UNPAUSE = "unpause"
    STEP = "step"
    STOP = "stop"
    LR = "lr"
    SCALE = "scale"
    CUT = "cut"
    EPOCHS = "epochs"


OLD_WORDS = {"resume": ControlCommand.UNPAUSE}


def _control_command(word: str) -> ControlCommand:
    """The command of that name; an old name still works, with a hint."""
    if word in OLD_WORDS:
        new = OLD_WORDS[word]
        print(f"lrscope: control RUN {word} is now control RUN {new}.", file=sys.stderr)
        return new
    try:
        return ControlCommand(word)
    except ValueError:
        raise typer.BadParameter(f"{word!r} is not one of {', '.join(ControlCommand)}.") from None


def control(
    run: Annotated[int, one_run("The run, while it trains.")],
    what: Annotated[
        ControlCommand,
        typer.Argument(
            help="What to do with it.",
            show_default=False,
            parser=_control_command,
            metavar="|".join(ControlCommand),
        ),
    ],
    value: Annotated[
        float | None,
        typer.Argument(
            parser=number,
            metavar="VALUE",
            help="lr: the new LR; scale: a factor for the LR; epochs: how many to add.",
            show_default=False,
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Change a run while it trains, in any process; prints how its schedule responds.

    pause, unpause, step (one epoch, then pause), stop, lr VALUE, scale FACTOR, cut (as the plateau
    rule would), epochs N (add N).
    """
    with opened(home) as store:
        row = known(store, run)
        store.ask(run, what.value, value)
    if what.value in get_args(ByHand):
        print(row.response(cast(ByHand, what.value)))


def _follow(
    store: "Store", run: int, json_lines: bool, datasets: Path | None, budget_mb: float
) -> None:
    """Train a claimed run and print its events. One that ends early can be resumed."""
    from app.cli.terminal import JsonLines, Terminal
    from trainer.execute import execute

    row = store.run(run)
    assert row is not None
    assert row.config is not None
    shown = JsonLines() if json_lines else Terminal(row.config, row.epochs)
    root, model = datasets or folders.datasets(), row.config.model

    def training(shutdown: threading.Event) -> Generator[Event, None, None]:
        return execute(store, run, root, shutdown, budget_mb)

    def abandon(last: Event | None, thread: threading.Thread) -> None:
        shown.close()
        if not isinstance(last, FINAL):
            print(f"lrscope: {abandoned(run, model, thread)}", file=sys.stderr, flush=True)

    # In a batch a signal waits for a second one: the epoch under way would be lost.
    drained = drain(
        store,
        training,
        lambda event: shown.show(run, event),
        abandon,
        hangs=lambda last: isinstance(last, Loading),
    )
    finished = isinstance(drained.last, Ended) and drained.last.status == "finished"
    if drained.lost is not None:
        hint = "" if finished else f"; lrscope resume {run} continues run {run}"
        raise typer.Exit(output_lost(drained.lost, hint))
    if not finished:
        raise typer.Exit(drained.code or 1)
