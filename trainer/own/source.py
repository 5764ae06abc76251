"""What the source of a network says of it, without running it."""

import ast
from pathlib import Path

from .errors import OwnError

MOST_BYTES = 2_000_000
RANDOM = {"random", "secrets"}  # modules whose generators no snapshot has


def read(path: str) -> bytes:
    """The source of a Python file.

    Raises:
        OwnError: it cannot be read, or is no Python.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise OwnError(f"There is no file {path}.") from None
    except OSError as error:
        raise OwnError(f"{path} cannot be read ({error.strerror or error}).") from error
    if len(data) > MOST_BYTES:
        raise OwnError(f"{path} is too large for the file of a network.")
    try:
        ast.parse(data, path)
    except SyntaxError as error:
        raise OwnError(f"{path}, line {error.lineno or 1}: {error.msg}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise OwnError(f"{path} is no Python ({error}).") from error
    return data


def names(path: str) -> list[str]:
    """The classes, functions and other names of a Python file, in its order.

    Raises:
        OwnError: as `read`.
    """
    found: list[str] = []
    for node in ast.parse(read(path)).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found.append(name)
            case ast.Assign(targets=targets):
                found += [target.id for target in targets if isinstance(target, ast.Name)]
    return found


def definitions(path: str) -> list[str]:
    """The classes and functions of a Python file, in its order, but for those of its own use.

    Raises:
        OwnError: as `read`.
    """
    return [
        node.name
        for node in ast.parse(read(path)).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    ]


def draws_at(source: bytes) -> int | None:
    """The line where a generator other than torch's own comes in; None if there is none."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=found) if RANDOM & {name.name for name in found}:
                return node.lineno
            case ast.ImportFrom(module=module) if module in {*RANDOM, "numpy.random"}:
                return node.lineno
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="random"):
                return node.lineno
            case ast.Call(func=ast.Name(id="Generator") | ast.Attribute(attr="Generator")):
                return node.lineno
    return None
