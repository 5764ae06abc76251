"""Passes what is asked of a watched training on to it. torch-free."""

import json
from pathlib import Path

from ..store import permissions
from ..store.rows import Command


def pass_on(path: Path, commands: list[Command]) -> None:
    """Append those commands to the training's file that are not in it yet.

    Raises:
        OSError: it cannot be written.
    """
    new = [command for command in commands if command.id > _last(path)]
    if not new:
        return
    permissions.make_file(path)
    with path.open("r+b") as file:
        file.seek(0, 2)
        if file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":  # a write that was cut off: its line is none
                file.write(b"\n")
        for command in new:
            told = {"id": command.id, "name": command.name, "value": command.value}
            file.write(json.dumps(told).encode() + b"\n")


def _last(path: Path) -> int:
    """The last command that the file has; 0 if it has none."""
    last = 0
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return last
    for line in lines:
        try:
            last = max(last, int(json.loads(line)["id"]))
        except (ValueError, TypeError, KeyError):
            continue
    return last
