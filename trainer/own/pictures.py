"""Images as they are trained with: squares of one size, all grey or all in colour."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from .errors import OwnError

if TYPE_CHECKING:
    from PIL.Image import Image

LOOKED_AT = 64  # images whose sizes are read beforehand
MOST_AUTO = 64  # pixels: what trains in minutes without a GPU
GREY = {"1", "L", "LA", "La", "I", "F"}


class Form(NamedTuple):
    """What images are made: `size` squared, with 1 or 3 channels; `notes` say what that changes."""

    size: int
    channels: int
    notes: tuple[str, ...]


def form_of(paths: Sequence[str], size: int) -> Form:
    """The form of these images, by some of them.

    Args:
        size: the pixels of a side; 0 for the most common longer side, at most MOST_AUTO.

    Raises:
        OwnError: one of them is broken.
    """
    step = max(1, len(paths) // LOOKED_AT)
    heads = [_head(path) for path in paths[::step]]
    sizes = Counter(head[0] for head in heads)
    longer = Counter(max(head[0]) for head in heads).most_common(1)[0][0]
    side = size or min(longer, MOST_AUTO)
    grey = sum(is_grey for _, is_grey in heads)
    notes = []
    if set(sizes) != {(side, side)}:
        low, high = min(sizes, key=_pixels), max(sizes, key=_pixels)
        spread = f" of {_by(low)}" if low == high else f" of {_by(low)} to {_by(high)}"
        notes.append(f"Images{spread} pixels are resized to {side} × {side}.")
    if 0 < grey < len(heads):
        notes.append("Grey images are made RGB.")
    return Form(side, 1 if grey == len(heads) else 3, tuple(notes))


def decoded(path: str, form: Form) -> "Image":
    """An image in that form.

    Raises:
        OwnError: it cannot be read.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.draft("L" if form.channels == 1 else "RGB", (form.size, form.size))
            whole: Image.Image = image
            if image.mode.startswith("I;16"):  # of 16 bits, which would become white
                whole = image.point(lambda value: value / 256).convert("L")
            made = whole.convert("L" if form.channels == 1 else "RGB")
            if made.size != (form.size, form.size):
                made = made.resize((form.size, form.size), Image.Resampling.BILINEAR)
            return made
    except Exception as error:  # whatever a decoder raises for a file that is not what it says
        raise _broken(path, error) from error


def _head(path: str) -> tuple[tuple[int, int], bool]:
    """The size of an image, and whether it is grey."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.size, image.mode in GREY or image.mode.startswith("I;16")
    except Exception as error:
        raise _broken(path, error) from error


def _broken(path: str, error: Exception) -> OwnError:
    why = " ".join(str(error).split()).replace(f" {path!r}", "") or type(error).__name__
    return OwnError(f"{path} cannot be read as an image ({why}): replace or delete it.")


def _pixels(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]}"
