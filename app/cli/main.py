"""The `lrscope` command. torch and dash are imported only inside the command that needs them."""

import gc
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from app.cli.options import given, with_settings
from trainer import folders
from trainer.config.table import SETTINGS, ConfigError, changed, to_config
from trainer.engine.events import Ended, Event
from trainer.replay.comparison import compare
from trainer.schedule.interventions import InterventionName
from trainer.snapshots.files import BUDGET_MB
from trainer.store import lineage as family

if TYPE_CHECKING:
    from trainer.store.store import Store

HOST = "127.0.0.1"
PORT = 8050

cli = typer.Typer(
    help=(
        "An oscilloscope for learning rates.\n\n"
        "lrscope alone serves the page and opens it, the same as lrscope serve; it takes "
        "--port, --host, --no-open, --home and --datasets (lrscope serve --help).\n\n"
        "lrscope train --lr 0.01 --factor 0.1 --patience 5 trains without the page "
        "(lrscope train --help names every setting); control changes a run that trains, resume "
        "goes on with one that was interrupted, fork starts another from one of its epochs; replay "
        "says what another schedule would have done on it, import takes in a curve from elsewhere."
    ),
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
    rich_markup_mode="rich",
)

Home = Annotated[
    Path | None,
    typer.Option(
        envvar=folders.HOME_ENV, help="Folder of the runs; the user's data folder by default."
    ),
]
Datasets = Annotated[
    Path | None,
    typer.Option(
        envvar=folders.DATASETS_ENV, help="Folder of the data sets; the user's cache by default."
    ),
]
Budget = Annotated[
    float,
    typer.Option(
        "--snapshot-budget", min=0, metavar="MB", help="Megabytes that a run's snapshots may take."
    ),
]
JsonFlag = Annotated[
    bool, typer.Option("--json", help="One JSON object a line for each epoch, and a last one.")
]


def main() -> None:
    """The entry point: without a command it serves."""
    arguments = sys.argv[1:]
    of_all = ("--help", "-h", "--version")
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in of_all):
        arguments = ["serve", *arguments]
    try:
        code = cli(arguments, prog_name="lrscope", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):  # only a wrong word on the command line has one
            raise
        code = _fail(" ".join(error.format_message().split())).exit_code
    sys.exit(code or 0)


def _fail(sentence: str) -> typer.Exit:
    """Say what is wrong, in one line on the error stream; the exit to raise."""
    print(f"lrscope: {sentence}", file=sys.stderr)
    return typer.Exit(2)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"lrscope {_version()}")
        raise typer.Exit


def _version() -> str:
    """The version that was installed; in a checkout that never was, the one it would get."""
    from importlib import metadata

    try:
        return metadata.version("lrscope")
    except metadata.PackageNotFoundError:
        import tomllib

        written = Path(__file__).resolve().parents[2] / "pyproject.toml"
        return str(tomllib.loads(written.read_text(encoding="utf-8"))["project"]["version"])


@cli.callback()
def _of_all(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = PORT,
    open: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    home: Home = None,
    datasets: Datasets = None,
    snapshot_budget: Budget = BUDGET_MB,
) -> None:
    """Serve the page and open it in the browser. Ctrl-C ends it."""
    from trainer.store.store import Store, StoreError
    from trainer.worker import Worker

    home, datasets = home or folders.home(), datasets or folders.datasets()
    try:
        store = Store(home)
    except StoreError as error:
        raise _fail(str(error)) from None
    # What is imported stays: the page is up a tenth sooner where nobody looks for garbage in it.
    gc.disable()
    from app.server import create_app, free_port, listen

    gc.freeze()
    gc.enable()
    worker = Worker(store, datasets, snapshot_budget)
    try:
        server = listen(create_app(store, worker, frozenset({host.lower()})), host, port)
    except OSError as error:
        store.close()
        if error.errno in (98, 48, 10048):  # address in use: Linux, macOS, Windows
            raise _fail(f"port {port} is taken; try: lrscope --port {free_port(host)}") from None
        raise _fail(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
    except ValueError:  # what waitress says of a name or an address that cannot be looked up
        store.close()
        raise _fail(f"cannot listen on {host}: it is no address of this machine.") from None
    port = server.effective_port if hasattr(server, "effective_port") else port
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{'localhost' if host in ('0.0.0.0', '::') else shown}:{port}/"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"LRScope is at {url} (runs under {home}). Ctrl-C ends it.", flush=True)
    try:
        worker.start()
        if open:
            _open_browser(url)
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
        worker.stop()
        store.close()


def _open_browser(url: str) -> None:
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _train(
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
        raise _fail(str(error)) from None
    with _store(home) as store:
        _follow(store, store.add(config, claimed=True), json_lines, datasets, snapshot_budget)


def _fork(
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
    from trainer.config import forks

    with _store(home) as store:
        refused = family.refusal(store, run, epoch)
        parent = store.run(run)
        if refused or parent is None:
            raise _fail(refused or f"There is no run {run}.")
        try:
            config = forks.changed_config(parent.config, parent.epochs, given(settings))
            forks.check(parent.config, config, epoch)
        except ConfigError as error:
            raise _fail(str(error)) from None
        child = store.add(config, parent=(family.owner(store, run, epoch), epoch), claimed=True)
        _follow(store, child, json_lines, datasets, snapshot_budget)


@cli.command()
def resume(
    run: Annotated[int, typer.Argument(help="The run to go on with.", show_default=False)],
    json_lines: JsonFlag = False,
    home: Home = None,
    datasets: Datasets = None,
    snapshot_budget: Budget = BUDGET_MB,
) -> None:
    """Go on with a run that was stopped or interrupted, as if it never had been."""
    from trainer.store.store import CommandError

    with _store(home) as store:
        try:
            store.resume(run, claimed=True)
        except CommandError as error:
            raise _fail(str(error)) from None
        _follow(store, run, json_lines, datasets, snapshot_budget)


class Order(StrEnum):
    """What `lrscope control` asks for."""

    PAUSE = "pause"
    RESUME = "resume"
    STEP = "step"
    STOP = "stop"
    LR = "lr"
    SCALE = "scale"
    CUT = "cut"
    EPOCHS = "epochs"


@cli.command(context_settings={"ignore_unknown_options": True})
def control(
    run: Annotated[int, typer.Argument(help="The run that trains.", show_default=False)],
    what: Annotated[Order, typer.Argument(help="What to do with it.", show_default=False)],
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

    pause, resume, step (one epoch, then pause), stop, lr VALUE, scale FACTOR, cut (as the plateau
    would), epochs N (so many more).
    """
    from trainer.schedule.interventions import consequence
    from trainer.store.store import CommandError

    with _store(home) as store:
        try:
            store.ask(run, what.value, value)
        except CommandError as error:
            raise _fail(str(error)) from None
        row = store.run(run)
    if row is not None and what.value in get_args(InterventionName):
        print(consequence(row.config, cast(InterventionName, what.value), row.epoch))


@contextmanager
def _store(home: Path | None) -> Iterator["Store"]:
    """The store of that folder, or an exit that says why it cannot be had."""
    from trainer.store.store import Store, StoreError

    try:
        store = Store(home or folders.home())
    except StoreError as error:
        raise _fail(str(error)) from None
    try:
        yield store
    finally:
        store.close()


def _follow(
    store: "Store", run: int, json_lines: bool, datasets: Path | None, budget_mb: float
) -> None:
    """Train a claimed run and show it. Ctrl-C and SIGTERM end it at its next batch, so that it
    can be resumed there.
    """
    from app.cli.terminal import JsonLines, Terminal
    from trainer.worker import execute

    row = store.run(run)
    assert row is not None
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


def _replay(
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
    with _store(home) as store:
        row = store.run(run)
        rows = family.lineage(store, run)
    if row is None:
        raise _fail(f"There is no run {run}.")
    if not rows:
        raise _fail(f"Run {run} has no epoch to replay yet.")
    from app.cli.terminal import print_comparison, print_replay

    try:
        other = changed(row.config, given(settings))
    except ConfigError as error:
        raise _fail(str(error)) from None
    comparison = compare(row.config, rows, other, row.batches)
    (print_replay if json_lines else print_comparison)(run, comparison)


def _import(
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
    from trainer.curves.csv import CurveError, read

    with _store(home) as store:
        try:
            curve = read(file, tag)
            from trainer.curves.importing import take_in

            run = take_in(store, curve, given(settings))
        except (CurveError, ConfigError) as error:
            raise _fail(str(error)) from None
    print(f"Run {run}: {len(curve.epochs)} epochs of {curve.name}. Try: lrscope replay {run}")


# What a replay can change; the rest of a run has left its mark in the recorded losses.
REPLAYED = [
    s for s in SETTINGS if s.group == "schedule" or s.key in ("schedule", "warmup", "lr", "monitor")
]

cli.command("train")(with_settings(_train))
cli.command("fork")(with_settings(_fork))
cli.command("replay")(with_settings(_replay, REPLAYED))
cli.command("import")(with_settings(_import, REPLAYED))
