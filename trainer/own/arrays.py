"""An .npz: x, a sample a row, and y, its label."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import OwnError
from .labels import MOST_WHOLE, Labels

if TYPE_CHECKING:
    import numpy as np

MOST_CLASSES = 1000  # of whole numbers, each five times
PAIRS = (("x", "y"), ("X", "y"), ("x_train", "y_train"), ("X_train", "y_train"))
TESTS = {"x_train": ("x_test", "y_test"), "X_train": ("X_test", "y_test")}


@dataclass(frozen=True, slots=True)
class Arrays:
    """What the heads of an .npz say, and its labels.

    Attributes:
        names: of the arrays of samples: to train with, and to test with if there are.
        shape: [channels, height, width] or [numbers] of a sample.
        channels_last: whether images have their channels last in the file.
        uint8: whether they are bytes, from 0 to 255.
        labels: of the samples to train with, then of those to test with.
        counts: how many these are.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    channels_last: bool
    uint8: bool
    labels: Labels
    counts: tuple[int, ...]


def look(path: Path) -> Arrays:
    """What an .npz holds; its samples are not read.

    Raises:
        OwnError: it has no x and y that fit.
        OSError: it cannot be read.
    """
    import numpy as np

    try:
        with zipfile.ZipFile(path) as archive:
            names = {Path(name).stem for name in archive.namelist() if name.endswith(".npy")}
            x, y = next((p for p in PAIRS if set(p) <= names), ("", ""))
            if not x:
                found = ", ".join(sorted(names)[:8]) or "nothing"
                raise OwnError(f"{path} must have the arrays x and y; it has {found}.")
            pairs = [(x, y)]
            if set(TESTS.get(x, ("",))) <= names:
                pairs.append(TESTS[x])
            heads = [_head(archive, own) for own, _ in pairs]
        with np.load(path, allow_pickle=False) as stored:
            labels = [np.asarray(stored[own]) for _, own in pairs]
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError) as error:
        why = " ".join(str(error).split())
        raise OwnError(f"{path} cannot be read as an .npz of numbers ({why}).") from error
    labels = [one.reshape(-1) if one.ndim == 2 and one.shape[1] == 1 else one for one in labels]
    for (own, label), (shape, dtype), given in zip(pairs, heads, labels, strict=True):
        if given.ndim != 1 or not shape or shape[0] != len(given):
            raise OwnError(
                f"{path} must have one label in {label} for each sample in {own}: their shapes are "
                f"{given.shape} and {tuple(shape)}."
            )
        if shape[1:] != heads[0][0][1:] or dtype.kind not in "uifb":
            raise OwnError(f"{path} must have numbers of one shape in {own}.")
    (_, *sample), dtype = heads[0]
    shape, last = _images(path, sample)
    return Arrays(
        tuple(own for own, _ in pairs),
        shape,
        last,
        dtype == np.uint8 and len(shape) == 3,
        _labels(path, np.concatenate(labels)),
        tuple(map(len, labels)),
    )


def _head(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], Any]:
    """The shape and the type of an array in an .npz."""
    from numpy.lib import format

    with archive.open(f"{name}.npy") as file:
        version = format.read_magic(file)
        read = format.read_array_header_1_0 if version == (1, 0) else format.read_array_header_2_0
        shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError(f"{name} has objects")
    return shape, dtype


def _images(path: Path, sample: list[int]) -> tuple[tuple[int, ...], bool]:
    """The shape of a sample with the channels first, and whether they are last in the file."""
    if min(sample, default=0) < 1:
        raise OwnError(f"{path} must have samples of at least one number in x.")
    match sample:
        case [numbers]:
            return (numbers,), False
        case [height, width]:
            return (1, height, width), False
        case [channels, height, width] if channels in (1, 3):
            return (channels, height, width), False
        case [height, width, channels] if channels in (1, 3):
            return (channels, height, width), True
    raise OwnError(
        f"{path} must have rows of numbers or images with 1 or 3 channels in x; a sample has the "
        f"shape {tuple(sample)}."
    )


def _labels(path: Path, y: "np.ndarray[Any, Any]") -> Labels:
    import numpy as np

    if y.dtype.kind not in "uifbU":
        raise OwnError(f"{path} must have numbers or words in y, not {y.dtype}.")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise OwnError(f"{path} has a label in y that is no finite number.")
    names, at = np.unique(y, return_inverse=True)
    few = len(names) <= MOST_WHOLE or (len(names) <= MOST_CLASSES and len(y) >= 5 * len(names))
    if y.dtype.kind == "U" or (y.dtype.kind != "f" and few):
        return Labels(tuple(str(name) for name in names), tuple(at.tolist()))
    return Labels((), tuple(y.astype(float).tolist()))
