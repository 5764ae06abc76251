"""The commands over recorded losses: `replay`, and `import` of a curve from elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import Home, given, with_settings
from app.cli.refusals import fail, opened
from trainer.config.table import SETTINGS, changed

# What a replay can change; the rest of a run has left its mark in the recorded losses.
REPLAYED = [
    s for s in SETTINGS if s.group == "schedule" or s.key in ("schedule", "warmup", "lr", "monitor")
]


def register(cli: typer.Typer) -> None:
    cli.command("replay")(with_settings(replay, REPLAYED))
    cli.command("import")(with_settings(import_, REPLAYED))


def replay(
    run: Annotated[int, typer.Argument(help="The run to replay.", show_default=False)],
    json_lines: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each epoch of the replay.")
    ] = False,
    home: Home = None,
    **settings: str | None,
) -> None:
    """Say what another schedule would have done on a recorded run. Nothing is trained.

    What is not named is the run's own.
    """
    from app.cli.terminal import print_comparison, print_replay
    from trainer.replay.comparison import compare
    from trainer.store.lineage import lineage

    with opened(home) as store:
        row = store.run(run)
        if row is None:
            raise fail(f"There is no run {run}.")
        rows = lineage(store, run)
        if not rows:
            raise fail(f"Run {run} has no epoch to replay yet.")
        other = changed(row.recipe, given(settings))
        comparison = compare(row.recipe, rows, other, row.batches)
    (print_replay if json_lines else print_comparison)(run, comparison)


def import_(
    file: Annotated[
        Path,
        typer.Argument(help="A CSV (epoch, loss) or a TensorBoard event file.", show_default=False),
    ],
    tag: Annotated[
        str | None, typer.Option(help="The column or tag to take, where its name is not usual.")
    ] = None,
    home: Home = None,
    **settings: str | None,
) -> None:
    """Take in a loss curve from elsewhere as a run, for the page, replay and what-if.

    Where the file has no learning rates, the schedule that is named here is replayed on it.
    """
    from trainer.curves.csv import read

    with opened(home) as store:
        curve = read(file, tag)
        from trainer.curves.importing import import_curve

        run = import_curve(store, curve, given(settings))
    print(f"Run {run}: {len(curve.epochs)} epochs of {curve.name}. Try: lrscope replay {run}")
