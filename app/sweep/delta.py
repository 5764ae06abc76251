"""What has changed of what a page has on show. Pure."""

from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def changes(before: Any, after: Any) -> list[list[Any]]:
    """What turns one JSON value into another: paths, each with the value that is there now. A list
    of another length is replaced; a key that is gone has no value.
    """
    return [[list(path), *value] for path, value in _changes(before, after, ())]


def _changes(before: Any, after: Any, path: Path) -> Iterator[tuple[Path, list[Any]]]:
    if before is after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() - after.keys():
            yield (*path, key), []
        for key, value in after.items():
            if key in before:
                yield from _changes(before[key], value, (*path, key))
            else:
                yield (*path, key), [value]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        if before != after:
            for i, (old, new) in enumerate(zip(before, after, strict=True)):
                yield from _changes(old, new, (*path, i))
    elif before != after or type(before) is not type(after):
        yield path, [after]
