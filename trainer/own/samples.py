"""A few samples of one's own data as small pictures."""

import base64
import io
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from .arrays import Arrays
from .folder import Folder
from .pictures import decoded
from .survey import Survey

if TYPE_CHECKING:
    from PIL.Image import Image

MOST = 8
MOST_SIDE = 96  # pixels of a picture
MOST_BYTES = 400_000_000  # of an .npz that is read for its samples


class Sample(NamedTuple):
    """A picture as the address of its data, and the name of its class ("" without classes)."""

    address: str
    name: str


@lru_cache(maxsize=4)
def samples(found: Survey) -> tuple[Sample, ...]:
    """One image of each of the first classes, as it is trained with; none of rows of numbers.

    Raises:
        OwnError: an image is broken.
    """
    match found.source:
        case Folder(parts=parts):
            assert found.form is not None
            first: dict[int, str] = {}
            for file in parts["train"]:
                first.setdefault(file.label, file.path)
            return tuple(
                Sample(_address(decoded(path, found.form)), found.classes[label])
                for label, path in [*first.items()][:MOST]
            )
        case Arrays() as arrays if len(arrays.shape) == 3 and found.bytes <= MOST_BYTES:
            return _of_arrays(found, arrays)
    return ()


def _of_arrays(found: Survey, arrays: Arrays) -> tuple[Sample, ...]:
    import numpy as np
    from PIL.Image import fromarray

    values = arrays.labels.values[: arrays.counts[0]]
    first: dict[float, int] = {}
    for i, value in enumerate(values):
        first.setdefault(value if found.classes else i, i)
        if len(first) == MOST:
            break
    made = []
    with np.load(found.path, allow_pickle=False) as stored:
        x = stored[arrays.names[0]]
        for i in first.values():
            image = np.asarray(x[i], dtype=np.float64)
            if image.ndim == 3 and not arrays.channels_last:
                image = image.transpose(1, 2, 0)
            if not arrays.uint8:
                low, high = image.min(), image.max()
                image = (image - low) * (255 / ((high - low) or 1))
            drawn = fromarray(image.squeeze().astype(np.uint8))
            name = found.classes[int(values[i])] if found.classes else ""
            made.append(Sample(_address(drawn), name))
    return tuple(made)


def _address(image: "Image") -> str:
    if max(image.size) > MOST_SIDE:
        image.thumbnail((MOST_SIDE, MOST_SIDE))
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
