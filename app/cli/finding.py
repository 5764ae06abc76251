"""The command that looks for a learning rate: `find`."""

from enum import StrEnum
from typing import Annotated, Any

import typer

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
    with_data,
    with_settings,
)
from app.cli.refusals import fail, opened
from app.cli.sweeping import follow
from trainer.config.grid import MOST_WORKERS
from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS, ConfigError, changed
from trainer.export.error import ExportError
from trainer.own.errors import OwnError
from trainer.own.fitting import refuse_unfit
from trainer.snapshots.files import BUDGET_MB
from trainer.store.sweeps import Kind
from trainer.sweep.find import plans
from trainer.sweep.find.finding import add_check, add_find

# Its own rule is what each way trains with.
OWN = {"lr", "schedule", "warmup"}


class FindCommand(Command):
    """Says of a run's setting that is not for it why that is."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:
            own = {name for option in self.get_params(ctx) for name in option.opts}
            for option in (arg.partition("=")[0] for arg in args):
                if option in own or option not in {f"--{s.key}" for s in SETTINGS}:
                    continue
                why = "it trains with rules of its own"
                if option == "--lr":
                    why = "it tries those from --lowest to --highest"
                raise fail(f"{option} is not for lrscope find, since {why}: leave it out.")
        return super().parse_args(ctx, args)


class Way(StrEnum):
    """The ways to find a learning rate."""

    LR = "lr"
    RUN = "run"
    RANGE = "range"


KINDS: dict[Way, Kind] = {Way.LR: "which", Way.RUN: "find", Way.RANGE: "range"}


def register(cli: typer.Typer) -> None:
    settings = [s for s in SETTINGS if s.group != "schedule" and s.key not in OWN]
    cli.command("find", cls=FindCommand)(with_settings(find, settings))


def _text(name: str) -> Any:
    """An option for a setting of a plan, with the help that is declared there."""
    models = [m for m in plans.PLANS.values() if name in m.model_fields]
    told = " Or: ".join(dict.fromkeys(m.model_fields[name].description or "" for m in models))
    default = ", ".join(dict.fromkeys(f"{m.model_fields[name].default:g}" for m in models))
    return typer.Option(metavar="NUMBER", help=f"{told} Default {default}.", show_default=False)


def find(
    way: Annotated[
        Way,
        typer.Argument(
            help="lr: which LR, on two seeds. run: the best run on this seed. range: the classic "
            "range test."
        ),
    ] = Way.LR,
    lowest: Annotated[str | None, _text("lowest")] = None,
    highest: Annotated[str | None, _text("highest")] = None,
    per_decade: Annotated[str | None, _text("per_decade")] = None,
    probe: Annotated[str | None, _text("probe")] = None,
    keep: Annotated[str | None, _text("keep")] = None,
    seeds: Annotated[str | None, _text("seeds")] = None,
    within: Annotated[str | None, _text("within")] = None,
    batches: Annotated[str | None, _text("batches")] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Then compare the answer with the next best on 3 new seeds."),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            max=MOST_WORKERS,
            help="Processes that train at the same time.",
        ),
    ] = 1,
    data: Data = None,
    config: ConfigFile = None,
    json_lines: JsonFlag = False,
    home: Home = None,
    datasets: Datasets = None,
    snapshot_budget: Budget = BUDGET_MB,
    **settings: str | None,
) -> None:
    """Look for a learning rate, from --lowest to --highest, by short trainings, and say how far the
    answer is known.

    What is trained is listed with all runs. Factor and patience cannot be found this way: on one
    seed their differences lie within its noise.
    """
    asked = {
        "lowest": lowest, "highest": highest, "per_decade": per_decade, "keep": keep,
        "seeds": seeds, "within": within, "batches": batches,
        "epochs" if way is Way.LR else "probe": probe,
    }  # fmt: skip
    asked = {key: value for key, value in asked.items() if value is not None}
    for key in asked.keys() - plans.PLANS[KINDS[way]].model_fields.keys():
        raise fail(f"--{key.replace('_', '-')} is not for lrscope find {way}: leave it out.")
    try:
        kept = from_file(config)
        base: RunConfig = changed(kept, given(with_data(settings, data)))
        refuse_unfit(base)
        plan = plans.plan(KINDS[way], **asked)
    except (ConfigError, ExportError, OwnError) as error:
        raise fail(str(error)) from None
    if check and way is Way.RANGE:
        raise fail("A range test has no answer to check: leave --check out.")
    if workers > 1 and way is Way.RANGE:
        raise fail("A range test trains in one process: leave --workers out.")
    with opened(home, create=True) as store:
        try:
            added = add_find(store, base, plan, workers, claimed=True)
        except ConfigError as error:
            raise fail(str(error)) from None
        follow(store, added, json_lines, datasets, snapshot_budget)
        if check:
            follow(
                store, add_check(store, added, claimed=True), json_lines, datasets, snapshot_budget
            )
