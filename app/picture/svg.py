"""A picture of runs as an SVG: the page's curves, colours and words, without a browser. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.charts import theme
from app.picture.drawn import Drawn
from app.picture.one import One
from app.picture.panes import HEIGHT, WIDTH, Panes
from app.picture.several import Several
from app.picture.sheet import Sheet


class Look(NamedTuple):
    """How a picture looks: its size in pixels, and its colours."""

    width: int = WIDTH
    height: int = HEIGHT
    scheme: theme.Scheme = "light"


class Picture(NamedTuple):
    """An SVG, and where its parts lie."""

    svg: str
    panes: Panes


def svg(runs: Sequence[Drawn], look: Look) -> str:
    """A picture of one run, or of several laid over one another, as one file."""
    return picture(runs, look.width, look.height, theme.colours(look.scheme)).svg + "\n"


def picture(
    runs: Sequence[Drawn], width: int, height: int, paint: Mapping[str, str], titled: bool = True
) -> Picture:
    """A picture of runs.

    Args:
        runs: at least one.
        width, height: in pixels.
        paint: the colours by meaning.
        titled: whether it says which runs they are.
    """
    size = width, height
    made: Sheet
    if len(runs) == 1:
        made = One(runs[0], size, dict(paint), titled)
    else:
        made = Several(runs, size, dict(paint), titled)
    return Picture(made.svg(), made.panes)
