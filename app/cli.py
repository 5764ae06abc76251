"""The `lrscope` command. torch and dash are imported only inside the command that needs them."""

import inspect
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from trainer import folders
from trainer.events import Ended, Event
from trainer.settings import SETTINGS, ConfigError, Setting, to_config

HOST = "127.0.0.1"
PORT = 8050

cli = typer.Typer(
    help=(
        "An oscilloscope for learning rates.\n\n"
        "lrscope alone serves the page and opens it, the same as lrscope serve; it takes "
        "--port, --host, --no-open, --home and --datasets (lrscope serve --help).\n\n"
        "lrscope train --lr 0.01 --factor 0.1 --patience 5 trains without the page "
        "(lrscope train --help names every setting)."
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


def main() -> None:
    """The entry point: without a command it serves."""
    arguments = sys.argv[1:]
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("--help", "-h")):
        arguments = ["serve", *arguments]
    cli(arguments, prog_name="lrscope")


def _fail(sentence: str) -> typer.Exit:
    """Say what is wrong, in one line on the error stream; the exit to raise."""
    print(f"lrscope: {sentence}", file=sys.stderr)
    return typer.Exit(2)


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = PORT,
    open: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    home: Home = None,
    datasets: Datasets = None,
) -> None:
    """Serve the page and open it in the browser. Ctrl-C ends it."""
    from trainer.store import Store, StoreError
    from trainer.worker import Worker

    home, datasets = home or folders.home(), datasets or folders.datasets()
    try:
        store = Store(home)
    except StoreError as error:
        raise _fail(str(error)) from None
    from app.server import create_app, free_port, listen

    worker = Worker(store, datasets)
    try:
        server = listen(create_app(store, worker, frozenset({host.lower()})), host, port)
    except OSError as error:
        store.close()
        if error.errno in (98, 48, 10048):  # address in use: Linux, macOS, Windows
            raise _fail(f"port {port} is taken; try: lrscope --port {free_port(host)}") from None
        raise _fail(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
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
    json_lines: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each epoch, and a last one.")
    ] = False,
    home: Home = None,
    datasets: Datasets = None,
    **given: str | None,
) -> None:
    """Train one run in the terminal; an open page of the same home shows it live."""
    try:
        config = to_config(
            {_key(name): value for name, value in given.items() if value is not None}
        )
    except ConfigError as error:
        raise _fail(str(error)) from None
    from trainer.store import Store, StoreError
    from trainer.worker import execute

    home, datasets = home or folders.home(), datasets or folders.datasets()
    try:
        store = Store(home)
    except StoreError as error:
        raise _fail(str(error)) from None
    run = store.add(config)
    store.claim(run)
    from app.terminal import JsonLines, Terminal

    show = JsonLines().show if json_lines else Terminal(config).show
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    last: Event | None = None
    events = execute(store, run, datasets)
    try:
        for event in events:
            last = event
            show(run, event)
    except KeyboardInterrupt:
        events.close()
        show(run, Ended("stopped"))
        raise typer.Exit(130) from None
    finally:
        events.close()
        store.close()
    if not (isinstance(last, Ended) and last.status == "finished"):
        raise typer.Exit(1)


def _key(name: str) -> str:
    return name.lower().replace("_", "-")


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for every setting, drawn from `trainer.settings`."""
    by_key: dict[str, list[Setting]] = {}
    for setting in SETTINGS:
        by_key.setdefault(setting.key, []).append(setting)
    own = [p for p in inspect.signature(command).parameters.values() if p.kind != p.VAR_KEYWORD]
    drawn = [
        inspect.Parameter(
            key.replace("-", "_"),
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None,
                typer.Option(
                    f"--{key}",
                    help=_help(settings),
                    metavar=_metavar(settings[0]),
                    rich_help_panel=_panel(settings[0]),
                ),
            ],
        )
        for key, settings in by_key.items()
    ]
    parameters = [*(p.replace(kind=p.KEYWORD_ONLY) for p in own), *drawn]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _panel(setting: Setting) -> str:
    return {"run": "The run", "schedule": "Schedules", "optimizer": "Optimizers"}[setting.group]


def _metavar(setting: Setting) -> str:
    if setting.choices:
        return "|".join(setting.choices) if len(setting.choices) < 5 else "NAME"
    return {"bool": "on|off", "int": "N", "float": "NUMBER", "list": "N,N,..."}[setting.kind]


def _help(settings: list[Setting]) -> str:
    """What the option does, whose it is, and its default for each."""
    first = settings[0]
    choices = f" One of {', '.join(first.choices)}." if len(first.choices) >= 5 else ""
    if first.owner is None:
        return escape(f"{first.help}{choices} Default {first.text(first.default)}.")
    owners = ", ".join(f"{s.owner} (default {s.text(s.default)})" for s in settings)
    return escape(f"{first.help}{choices} For {owners}.")


cli.command("train")(_with_settings(_train))
