"""Where one's own code is among the frames of a stack or a traceback."""

from collections.abc import Iterable
from pathlib import Path

LRSCOPE = Path(__file__).parents[1]


def innermost(file: str, frames: Iterable[tuple[str, int]]) -> str | None:
    """The innermost line in the file of a network, or in one beside it, as "model.py, line 3"; None
    if no frame is there.

    Args:
        frames: the file and the line of each, the innermost last.
    """
    folder, at = Path(file).parent, None
    for name, line in frames:
        path = Path(name)
        is_own = path.is_relative_to(folder) and "site-packages" not in path.parts
        if name == file or (is_own and not path.is_relative_to(LRSCOPE)):
            at = f"{name}, line {line}"
    return at
