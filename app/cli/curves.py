"""The commands for recorded losses: `replay`, and `import` of a curve recorded elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.nearest import known
from app.cli.options import Command, Home, given, one_run, seconds, with_settings
from app.cli.refusals import fail, opened
from trainer.config.table import SETTINGS, changed

# What a replay can change; the recorded losses depend on the other settings.
REPLAYED = [
    s for s in SETTINGS if s.group == "schedule" or s.key in ("schedule", "warmup", "lr", "monitor")
]


def register(cli: typer.Typer) -> None:
    cli.command("replay", cls=Command)(with_settings(replay, REPLAYED))
    cli.command("import", cls=Command)(with_settings(import_, REPLAYED))


def replay(
    run: Annotated[int, one_run("The run to replay.")],
    json_lines: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line for each epoch.")
    ] = False,
    home: Home = None,
    **settings: str | None,
) -> None:
    """Show what another schedule would have done on a recorded run. Nothing is trained.

    Settings not given are the run's own.
    """
    from app.cli.terminal import print_comparison, print_replay
    from trainer.replay.comparison import compare
    from trainer.store.lineage import lineage, stretches

    with opened(home) as store:
        row = known(store, run)
        rows = lineage(store, run)
        if not rows:
            raise fail(f"Run {run} has no epochs to replay yet.")
        other = changed(row.recipe, given(settings))
        comparison = compare(row.recipe, rows, other, row.batches, stretches(store, run))
    (print_replay if json_lines else print_comparison)(run, comparison)


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A CSV (epoch, loss) or a TensorBoard event file, or a folder of those.",
            show_default=False,
        ),
    ],
    tag: Annotated[
        str | None, typer.Option(help="The column or tag to use, if its name is unusual.")
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="Follow the file while another program writes it, until Ctrl-C; an open page with "
            "the same home shows it live.",
        ),
    ] = False,
    until_quiet: Annotated[
        float | None,
        typer.Option(
            parser=seconds,
            metavar="SECONDS",
            help="With --follow: end when nothing came for so long.",
            show_default=False,
        ),
    ] = None,
    json_lines: Annotated[
        bool,
        typer.Option(
            "--json",
            help="With --follow: print one JSON object per line, one per epoch and one for the "
            "run.",
        ),
    ] = False,
    home: Home = None,
    **settings: str | None,
) -> None:
    """Import a loss curve recorded elsewhere as a run, for the page, replay and what-if.

    If the file has no learning rates, the schedule given here is replayed on it.
    """
    from trainer.curves.csv import CurveError, read

    if follow:
        from app.cli.following import follow as follow_file

        with opened(home, create=True) as store:
            follow_file(store, file, tag, given(settings), json_lines, until_quiet)
        return
    for option, is_given in (("--until-quiet", until_quiet is not None), ("--json", json_lines)):
        if is_given:
            raise fail(f"{option} is for a file that is followed: add --follow.")
    try:
        curve = read(file, tag)
    except CurveError as error:
        raise fail(str(error)) from None
    with opened(home, create=True) as store:
        from trainer.curves.importing import about, import_curve

        run = import_curve(store, curve, given(settings))
    print(f"Run {run}: {len(curve.epochs)} epochs of {curve.name}. Try: lrscope replay {run}")
    if said := about(curve):
        print(said)
