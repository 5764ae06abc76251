"""What a path that is being typed can go on with: names in the folder that it names, no further."""

import os
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

from ..config.text import plain
from . import source
from .errors import OwnError

MOST = 40
MOST_LOOKED_AT = 20_000  # entries of a folder


def paths(text: str, suffixes: Collection[str]) -> list[str]:
    """The folders, and the files with one of these suffixes, whose paths begin with a whole path
    or one from the home; a folder's ends with a separator. Links are not followed.
    """
    folder, separator, start = text.rpartition("/" if "/" in text else os.sep)
    if not separator or ".." in folder.split(separator):
        return []
    path = Path(f"{folder}{separator}").expanduser()
    if not path.is_absolute():
        return []
    try:
        found = sorted(islice(_entries(path, start, suffixes), MOST_LOOKED_AT))
    except OSError:
        return []
    return [f"{folder}{separator}{name}" for name in found[:MOST]]


def _entries(path: Path, start: str, suffixes: Collection[str]) -> Iterator[str]:
    with os.scandir(path) as entries:
        for entry in islice(entries, MOST_LOOKED_AT):
            name = entry.name
            if not name.startswith(start) or (name.startswith(".") and not start):
                continue
            if plain(name) != name:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield f"{name}/"
            elif Path(name).suffix.lower() in suffixes and entry.is_file(follow_symlinks=False):
                yield name


def networks(text: str) -> list[str]:
    """The Python files that a path can go on with, and after "file.py:" the classes and functions
    in it, which is read and not run.
    """
    file, colon, start = text.rpartition(":")
    if not colon or not file.endswith(".py"):
        return paths(text, {".py"})
    if not Path(file).expanduser().is_absolute() or ".." in Path(file).parts:
        return []
    try:
        names = source.names(str(Path(file).expanduser()))
    except OwnError:
        return []
    return [f"{file}:{name}" for name in names if name.startswith(start)][:MOST]
