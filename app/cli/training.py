"""The commands that train: `train`, `fork`, `resume`; and `control`, which changes what trains."""

import signal
import sys
import threading
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from app.cli.options import Budget, Datasets, Home, JsonFlag, given, with_settings
from app.cli.refusals import fail, opened
from trainer import folders
from trainer.config import forks
from trainer.config.table import ConfigError, to_config
from trainer.engine.events import Ended, Event
from trainer.schedule.interventions import InterventionName, consequence
from trainer.snapshots.files import BUDGET_MB

if TYPE_CHECKING:
    from trainer.store.store import Store


def register(cli: typer.Typer) -> None:
    cli.command("train")(with_settings(train))
    cli.command("fork")(with_settings(fork))
    cli.command()(resume)
    cli.command(context_settings={"ignore_unknown_options": True})(control)


def train(
    json_lines: JsonFlag = False,
    home: Home = None,
    datasets: Datasets = None,
    snapshot_budget: Budget = BUDGET_MB,
    **settings: str | None,
) -> None:
    """Train one run in the terminal; an open page of the same home shows it live."""
    try:
        config = to_config(given(settings))
    except ConfigError as error:
        raise fail(str(error)) from None
    with opened(home) as store:
        _follow(store, store.add(config, claimed=True), json_lines, datasets, snapshot_budget)


def fork(
    run: Annotated[int, typer.Argument(help="The run to fork.", show_default=False)],
    epoch: Annotated[
        int,
        typer.Argument(help="The epoch after which to go on; 0 is the start.", show_default=False),
    ],
    json_lines: JsonFlag = False,
    home: Home = None,
    datasets: Datasets = None,
    snapshot_budget: Budget = BUDGET_MB,
    **settings: str | None,
) -> None:
    """Start another run from one of a run's epochs, with other settings if you like.

    What is not named is the parent's. Data, model, optimizer class, batch, seed, warm-up and
    device belong to the past that both share, and cannot change.
    """
    from trainer.store import lineage

    with opened(home) as store:
        refused = lineage.refusal(store, run, epoch)
        parent = store.run(run)
        if refused or parent is None or parent.config is None:
            raise fail(refused or f"There is no run {run}.")
        config = forks.changed_config(parent.config, parent.epochs, given(settings))
        forks.check(parent.config, config, epoch)
        child = store.add(config, parent=(lineage.owner(store, run, epoch), epoch), claimed=True)
        _follow(store, child, json_lines, datasets, snapshot_budget)


def resume(
    run: Annotated[int, typer.Argument(help="The run to go on with.", show_default=False)],
    json_lines: JsonFlag = False,
    home: Home = None,
    datasets: Datasets = None,
    snapshot_budget: Budget = BUDGET_MB,
) -> None:
    """Go on with a run that was stopped, or whose process died, from its last snapshot."""
    with opened(home) as store:
        store.resume(run, claimed=True)
        _follow(store, run, json_lines, datasets, snapshot_budget)


class Asked(StrEnum):
    """What `lrscope control` asks of a run."""

    PAUSE = "pause"
    UNPAUSE = "unpause"
    STEP = "step"
    STOP = "stop"
    LR = "lr"
    SCALE = "scale"
    CUT = "cut"
    EPOCHS = "epochs"


OLD_WORDS = {"resume": Asked.UNPAUSE}


def _asked(word: str) -> Asked:
    """The command of that word, also of a word that it had once, with a hint."""
    if word in OLD_WORDS:
        new = OLD_WORDS[word]
        print(f"lrscope: control RUN {word} is now control RUN {new}.", file=sys.stderr)
        return new
    try:
        return Asked(word)
    except ValueError:
        raise typer.BadParameter(f"{word!r} is not one of {', '.join(Asked)}.") from None


def control(
    run: Annotated[int, typer.Argument(help="The run that trains.", show_default=False)],
    what: Annotated[
        Asked,
        typer.Argument(
            help="What to do with it.",
            show_default=False,
            parser=_asked,
            metavar="|".join(Asked),
        ),
    ],
    value: Annotated[
        float | None,
        typer.Argument(
            help="lr: the new LR; scale: a factor for it; epochs: how many more.",
            show_default=False,
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Change a run while it trains, here or in another process; says what its schedule makes of it.

    pause, unpause, step (one epoch, then pause), stop, lr VALUE, scale FACTOR, cut (as the plateau
    would), epochs N (so many more).
    """
    with opened(home) as store:
        store.ask(run, what.value, value)
        row = store.run(run)
    if row is not None and what.value in get_args(InterventionName):
        print(consequence(row.recipe, cast(InterventionName, what.value), row.epoch))


def _follow(
    store: "Store", run: int, json_lines: bool, datasets: Path | None, budget_mb: float
) -> None:
    """Train a claimed run and show it. Ctrl-C and SIGTERM end it at its next batch, so that it
    can be resumed there.
    """
    from app.cli.terminal import JsonLines, Terminal
    from trainer.execute import execute

    row = store.run(run)
    assert row is not None
    assert row.config is not None
    show = JsonLines().show if json_lines else Terminal(row.config, row.epochs).show
    shutdown, codes = threading.Event(), []

    def end(signum: int, _: object) -> None:
        signal.signal(signum, signal.SIG_DFL)  # the second time it ends at once
        codes.append(128 + signum)
        shutdown.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    last: Event | None = None
    with closing(
        execute(store, run, datasets or folders.datasets(), shutdown, budget_mb)
    ) as events:
        for event in events:
            last = event
            show(run, event)
    if not (isinstance(last, Ended) and last.status == "finished"):
        raise typer.Exit(codes[0] if codes else 1)
