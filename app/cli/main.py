"""The `lrscope` command: its groups of commands and its entry point."""

import atexit
import gc
import sys
from contextlib import suppress
from difflib import get_close_matches
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from click.exceptions import Abort
from pydantic import ValidationError

from app import environment
from app.cli import curves, export, finding, runs, serve, sweeping, training
from app.cli.refusals import fail, output_lost

cli = typer.Typer(
    help=(
        "An oscilloscope for learning rates.\n\n"
        "lrscope alone serves the page and opens it, the same as lrscope serve; it takes "
        "--port, --host, --no-open, --home and --datasets (lrscope serve --help).\n\n"
        "lrscope train --lr 0.01 --factor 0.1 --patience 5 trains without the page "
        "(lrscope train --help lists every setting); control changes a run while it trains, resume "
        "continues one that was interrupted, fork starts another from one of its epochs; sweep "
        "trains every combination of settings and what they share once, find looks for a learning "
        "rate; replay "
        "shows what another schedule would have done, import reads a curve recorded elsewhere; "
        "runs lists what was recorded, show and compare say what came of it, export writes files."
    ),
    pretty_exceptions_enable=False,
    no_args_is_help=False,
    rich_markup_mode="rich",
)
# What the number of an option must be, by pydantic's name for what it is not.
MUST = {
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "greater_than_equal": "at least {ge:g}",
    "less_than_equal": "at most {le:g}",
}
for commands in (serve, training, sweeping, finding, curves, runs, export):
    commands.register(cli)


def main() -> None:
    """The entry point; without a command it runs `serve`."""
    environment.quiet_torch()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # a name has any letters, and an output may lack them
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
    # The process ends a second sooner if garbage collection then skips torch's many objects.
    atexit.register(gc.freeze)
    arguments = sys.argv[1:]
    global_options = ("--help", "-h", "--version", "--install-completion", "--show-completion")
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in global_options):
        arguments = ["serve", *arguments]
    try:
        code = cli(arguments, prog_name="lrscope", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, Abort):
        code = 130
    except OSError as error:
        if error.filename is not None:
            code = fail(f"{error.filename} cannot be used ({error.strerror}).").exit_code
        else:
            code = output_lost(error)
    except Exception as error:
        if not hasattr(error, "format_message"):  # only a usage error has one
            raise
        code = fail(_sentence(error)).exit_code
    sys.exit(code or 0)


def _sentence(error: Any) -> str:
    """What is wrong with the arguments; of a wrong option with the nearest, of a missing
    one with what it may be.
    """
    near = get_close_matches(
        getattr(error, "option_name", ""), getattr(error, "possibilities", None) or [], 1
    )
    if near:
        return f"There is no option {error.option_name}. The nearest is {near[0]}."
    if isinstance(error.__cause__, ValidationError) and (option := getattr(error, "param", None)):
        wrong = error.__cause__.errors()[0]
        if words := MUST.get(wrong["type"]):
            must = words.format(**wrong.get("ctx", {}))
            return f"{option.opts[0]} must be {must}, not {wrong['input']}."
    sentence = " ".join(error.format_message().split()).replace("Value error, ", "")
    choices = getattr(getattr(error, "param", None), "metavar", None) or ""
    if sentence.startswith("Missing") and "|" in choices:
        return f"{sentence.rstrip('.')}: take one of {choices.replace('|', ', ')}."
    return sentence


def _print_version(is_set: bool) -> None:
    if is_set:
        print(f"lrscope {_version()}")
        raise typer.Exit


def _version() -> str:
    """The installed version; in a checkout that is not installed, the one in pyproject.toml."""
    from importlib import metadata

    try:
        return metadata.version("lrscope")
    except metadata.PackageNotFoundError:
        import tomllib

        project = Path(__file__).resolve().parents[2] / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


@cli.callback()
def _global_options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass
