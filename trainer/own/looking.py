"""What a network looks like before it is trained, found out by a process of its own."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..config.own import in_file
from . import source
from .errors import OwnError

SECONDS = 60.0
PACKAGE = Path(__file__).parents[1]
PROGRAM = (
    f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); "
    f"from {PACKAGE.name}.look import main; main()"
)
_one = threading.Lock()  # at a time: torch is loaded anew for each


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: its name in the network, its class, the shape that it gives for one sample, and how
    many parameters it has.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True, slots=True)
class Look:
    """A network: its parameters, its layers in the order of their use, how many more there are, and
    what a person should know of it, a sentence each.
    """

    parameters: int
    layers: tuple[Layer, ...]
    more: int
    notes: tuple[str, ...]


def look(model: str, shape: tuple[int, ...], classes: int) -> Look:
    """What a network looks like for samples of this shape. A file of one's own is run, in a process
    of its own, and only again after it has changed.

    Raises:
        OwnError: it cannot be built, or not within SECONDS.
    """
    own, stamp = in_file(model), 0
    if own:
        if own.name not in source.names(own.file):
            found = ", ".join(source.names(own.file)) or "nothing"
            raise OwnError(f"{own.file} has no {own.name}: it has {found}.")
        stamp = max(file.stat().st_mtime_ns for file in Path(own.file).parent.glob("*.py"))
    with _one:
        told = _looked(model, shape, classes, stamp)
    if "error" in told:
        raise OwnError(told["error"])
    layers = tuple(
        Layer(one["name"], one["kind"], tuple(one["shape"]), one["parameters"])
        for one in told["layers"]
    )
    return Look(told["parameters"], layers, told["more"], tuple(told["notes"]))


@lru_cache(maxsize=32)
def _looked(
    model: str,
    shape: tuple[int, ...],
    classes: int,
    stamp: int,  # noqa: ARG001 - another after the file or one beside it has changed
) -> dict[str, Any]:
    asked = [model, ",".join(map(str, shape)), str(classes), str(SECONDS + 1)]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", PROGRAM, *asked],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"{model} did not get ready within {SECONDS:.0f} s."}
    except OSError as error:
        return {"error": f"{model} cannot be looked at ({error.strerror})."}
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {"error": f"{model} ended the process that looked at it (code {done.returncode})."}
    return told
