"""`lrscope serve`: the page."""

import gc
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app import environment
from app.cli.options import Budget, Command, Datasets, Home, port_number
from app.cli.refusals import fail
from app.cli.signals import WAITING, Ending
from trainer import folders
from trainer.snapshots.files import BUDGET_MB

if TYPE_CHECKING:
    from trainer.store.store import Store

HOST = "127.0.0.1"
PORT = 8050
EVERY_ADDRESS = ("0.0.0.0", "::")
ADDRESS_IN_USE = (98, 48, 10048)  # errno of Linux, macOS, Windows


def register(cli: typer.Typer) -> None:
    cli.command(cls=Command)(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HOST,
    port: Annotated[
        int, typer.Option(parser=port_number, metavar="N", help="Port; 0 picks a free one.")
    ] = PORT,
    open: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    token: Annotated[
        bool | None,
        typer.Option(
            "--token/--no-token",
            help="Answer only browsers that opened the printed link; the default on any host that "
            "other machines can reach.",
        ),
    ] = None,
    example: Annotated[
        bool, typer.Option(help="Train an example when the first page opens and there is no run.")
    ] = True,
    home: Home = None,
    datasets: Datasets = None,
    snapshot_budget: Budget = BUDGET_MB,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Keep a damaged store aside, and begin a new one.")
    ] = False,
) -> None:
    """Serve the page and open it in the browser. Ctrl-C stops it."""
    from trainer.store.aside import set_aside
    from trainer.store.faults import StoreError
    from trainer.store.store import Store, path_in

    home, datasets = home or folders.home(), datasets or folders.datasets()
    store: Store | None = None

    def interrupt() -> None:
        raise KeyboardInterrupt

    ending = Ending(interrupt, lambda: store.abandon() if store else None)
    try:
        if fresh:
            path = path_in(home)
            print(f"{path} is kept as {set_aside(path).name}.", file=sys.stderr)
        store = Store(home)
        _serve(store, host, port, token, open, example, datasets, snapshot_budget)
    except StoreError as error:
        raise fail(str(error)) from None
    except KeyboardInterrupt:  # before the page was served
        raise typer.Exit(ending.code or 130) from None
    finally:
        if store:
            store.close()


def _serve(
    store: "Store",
    host: str,
    port: int,
    token: bool | None,
    open: bool,
    example: bool,
    datasets: Path,
    budget_mb: float,
) -> None:
    from trainer.followers import Followers
    from trainer.watched.taker import Taker
    from trainer.worker import Worker

    # Imported modules stay, so skipping garbage collection here starts the page a tenth sooner.
    gc.disable()
    environment.forget_dash()
    from app.access import access_for, is_loopback
    from app.listening import free_port, listen, port_of
    from app.server import create_app

    gc.freeze()
    gc.enable()
    worker, taker = Worker(store, datasets, budget_mb), Taker(store)
    followers = Followers(store)
    access = access_for(host, token)
    app = create_app(store, worker, access, example, followers)
    try:
        server = listen(app, host, port)
    except OSError as error:
        if error.errno in ADDRESS_IN_USE:
            raise fail(f"port {port} is in use; try: lrscope --port {free_port(host)}") from None
        raise fail(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
    except ValueError:  # what waitress raises for a host that cannot be resolved
        raise fail(f"cannot listen on {host}: it is not an address of this machine.") from None
    url = address(host, port_of(server), access.token)
    try:
        print(f"LRScope is at {url} (runs under {store.home}). Ctrl-C stops it.", flush=True)
        if host in EVERY_ADDRESS:
            print(
                "From another machine, use this one's name or address in place of localhost.",
                flush=True,
            )
        if access.token is None and not is_loopback(host):
            print(
                "lrscope: without a token, whoever can reach this address can start, change and "
                "stop runs.",
                file=sys.stderr,
                flush=True,
            )
        worker.start()
        taker.start()
        if open and access.token is None:  # other users see what a browser is started with
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
        if worker.training:
            print(WAITING, file=sys.stderr, flush=True)
        followers.stop()
        taker.stop()
        worker.stop()


def address(host: str, port: int, token: str | None) -> str:
    """The page's address for a browser on this machine."""
    name = "localhost" if host in EVERY_ADDRESS else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")
