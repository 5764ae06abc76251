"""`lrscope serve`: the page."""

import gc
import signal
import sys
import threading
import webbrowser
from typing import Annotated

import typer

from app import environment
from app.cli.options import Budget, Command, Datasets, Home, port_number
from app.cli.refusals import fail
from trainer import folders
from trainer.snapshots.files import BUDGET_MB

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
    home: Home = None,
    datasets: Datasets = None,
    snapshot_budget: Budget = BUDGET_MB,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Keep a damaged store aside, and begin a new one.")
    ] = False,
) -> None:
    """Serve the page and open it in the browser. Ctrl-C stops it."""
    from trainer.store.aside import set_aside
    from trainer.store.database import StoreError
    from trainer.store.store import Store, path_in
    from trainer.worker import Worker

    home, datasets = home or folders.home(), datasets or folders.datasets()
    try:
        if fresh:
            path = path_in(home)
            print(f"{path} is kept as {set_aside(path).name}.", file=sys.stderr)
        store = Store(home)
    except StoreError as error:
        raise fail(str(error)) from None
    # Imported modules stay, so skipping garbage collection here starts the page a tenth sooner.
    gc.disable()
    environment.forget_dash()
    from app.access import access_for, is_loopback
    from app.listening import free_port, listen, port_of
    from app.server import create_app

    gc.freeze()
    gc.enable()
    worker = Worker(store, datasets, snapshot_budget)
    access = access_for(host, token)
    app = create_app(store, worker, access)
    try:
        server = listen(app, host, port)
    except OSError as error:
        store.close()
        if error.errno in ADDRESS_IN_USE:
            raise fail(f"port {port} is in use; try: lrscope --port {free_port(host)}") from None
        raise fail(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
    except ValueError:  # what waitress raises for a host that cannot be resolved
        store.close()
        raise fail(f"cannot listen on {host}: it is not an address of this machine.") from None
    url = address(host, port_of(server), access.token)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        print(f"LRScope is at {url} (runs under {home}). Ctrl-C stops it.", flush=True)
        if host in EVERY_ADDRESS:
            print(
                "From another machine, write this one's name or address for localhost.", flush=True
            )
        if access.token is None and not is_loopback(host):
            print(
                "lrscope: without a token, whoever can reach this address can start, change and "
                "stop runs.",
                file=sys.stderr,
                flush=True,
            )
        worker.start()
        if open:
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
        worker.stop()
        store.close()


def address(host: str, port: int, token: str | None) -> str:
    """The page's address for a browser on this machine."""
    name = "localhost" if host in EVERY_ADDRESS else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")
