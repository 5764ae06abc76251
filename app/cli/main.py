"""The `lrscope` command: its groups of commands, and where it begins."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli import curves, serve, training
from app.cli.refusals import fail

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
for commands in (serve, training, curves):
    commands.register(cli)


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
        code = fail(" ".join(error.format_message().split())).exit_code
    sys.exit(code or 0)


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
