"""What is known of one's own data before it is read: its classes, sizes, parts, in words."""

import math
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil

from ..config.run import RunConfig
from ..config.text import plain
from . import arrays, folder, pictures, rows
from .arrays import Arrays
from .errors import OwnError
from .folder import Folder
from .pictures import Form
from .rows import Rows

KEPT = 4  # surveys; of a CSV, whose survey has its rows, only the last
MOST_NAMED = 6  # classes that are named in a sentence
OF_MEAN = "to say the mean always would be a loss of 1."
_one = threading.Lock()  # at a time: what several callbacks of a page ask for is read once
FREE_SHARE = 0.8  # of the free memory that data may take


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """One's own data.

    Attributes:
        path: where it lies.
        source: what was found there.
        train, val, test: how many samples each part has.
        classes: the names of the classes; none where a number is to be predicted.
        shape: [channels, height, width] or [numbers] of a sample, as a network gets it.
        form: what images are made; None for others.
        stamp: another one after the data has changed.
        notes: what is done to the data, and what is odd about it, a sentence each.
    """

    path: Path
    source: Folder | Rows | Arrays
    train: int
    val: int
    test: int
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    form: Form | None
    stamp: str
    notes: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """What the data takes as it is read: all of it, and its parts."""
        each = math.prod(self.shape) * (1 if self._is_bytes else 4)
        return 2 * each * (self.train + self.val + self.test)

    @property
    def _is_bytes(self) -> bool:
        return isinstance(self.source, Folder) or (
            isinstance(self.source, Arrays) and self.source.uint8
        )

    def told(self) -> list[str]:
        """The data in words: what it is, then the notes."""
        kind = "images" if len(self.shape) == 3 else "rows of numbers"
        count = f"{self.train:,} {kind} to train, {self.val:,} to validate, {self.test:,} to test"
        if self.classes:
            named = ", ".join(self.classes[:MOST_NAMED])
            more = f" and {len(self.classes) - MOST_NAMED} more" * (len(self.classes) > MOST_NAMED)
            return [f"{count}; {len(self.classes)} classes: {named}{more}.", *self.notes]
        return [f"{count}; a number to predict.", *self.notes]


def survey(config: RunConfig) -> Survey:
    """One's own data as a config names it. Read again only if it has changed.

    Raises:
        OwnError: it cannot be trained on.
    """
    path = Path(config.dataset)
    try:
        with _one:
            return _survey(config, path)
    except FileNotFoundError:
        raise OwnError(f"There is nothing at {path}: give the path of your data.") from None
    except OSError as error:
        raise OwnError(f"{path} cannot be read ({error.strerror or error}).") from error


def _survey(config: RunConfig, path: Path) -> Survey:
    if path.is_dir():
        return _of_folder(path, folder.stamped(path), config.image_size)
    about = path.stat()
    seen = (about.st_mtime_ns, about.st_size)
    match path.suffix.lower():
        case ".csv":
            return _of_rows(path, seen, config.target)
        case ".npz":
            return _of_arrays(path, seen, config.image_size)
    raise OwnError(f"{path} is neither a folder of images nor an .npz or a .csv.")


def batches(config: RunConfig) -> int:
    """Batches per epoch.

    Raises:
        OwnError: the data is one's own, and cannot be trained on.
    """
    return config.batches or math.ceil(survey(config).train / config.batch_size)


def refuse_too_large(found: Survey) -> None:
    """Refuse data that memory has no room for.

    Raises:
        OwnError: it has not; with the figures, and an image size that fits.
    """
    free = int(psutil.virtual_memory().available * FREE_SHARE)
    if found.bytes <= free:
        return
    if found.form is None:
        raise OwnError(
            f"{found.path} takes {_size(found.bytes)} of memory, of which {_size(free)} are free: "
            "take a part of it."
        )
    side = found.form.size
    fits = int(side * math.sqrt(free / found.bytes)) // 8 * 8
    offer = f"choose the image size {fits}" if fits >= 8 else "take a part of them"
    raise OwnError(
        f"The images of {found.path} at {side} × {side} take {_size(found.bytes)} of memory, of "
        f"which {_size(free)} are free: {offer}."
    )


def held(count: int) -> int:
    """How many of so many samples are held out where no folder says it: a tenth."""
    return max(1, count // 10)


@lru_cache(maxsize=KEPT)
def _of_folder(path: Path, seen: tuple[object, ...], size: int) -> Survey:
    found = _folder(path, seen)
    form = pictures.form_of([file.path for file in found.files], size)
    given = {part: len(files) for part, files in found.parts.items()}
    if "val" in given:
        train, val, test = given["train"], given["val"], given.get("test", 0)
    elif "test" in given:
        train, val, test = _split(given["train"], given["test"])
    else:
        train, val, test = _split(given["train"])
    notes = [*form.notes, *_splits(tuple(given), test)]
    for part, files in found.parts.items():
        there = {file.label for file in files}
        lacking = [name for i, name in enumerate(found.classes) if i not in there]
        if lacking:
            notes.append(f"The folder {part} has no image of {_named(lacking)}.")
    notes += _uneven(found.classes, [file.label for file in found.parts["train"]])
    shape = (form.channels, form.size, form.size)
    names = tuple(plain(name, 40) for name in found.classes)
    return Survey(path, found, train, val, test, names, shape, form, found.stamp, tuple(notes))


@lru_cache(maxsize=KEPT)
def _folder(path: Path, seen: tuple[object, ...]) -> Folder:  # noqa: ARG001
    return folder.look(path)


@lru_cache(maxsize=1)
def _of_rows(path: Path, seen: tuple[int, int], target: str) -> Survey:
    found = rows.read(path, target)
    _check(path, found.labels.classes, len(found))
    train, val, test = _split(len(found))
    what = f"The column {plain(found.target, 40)} is what to predict"
    notes = [
        f"{what}: {len(found.labels.classes)} classes."
        if found.labels.classes
        else f"{what}: a number, with the mean squared error as loss.",
        "Each column is standardised by its mean and deviation in the train part"
        + (f", and so is what to predict: {OF_MEAN}" if not found.labels.classes else "."),
        *_splits(("train",), test),
        *_uneven(found.labels.classes, found.labels.values),
    ]
    shape, stamp = (len(found.columns),), "-".join(map(str, seen))
    return Survey(
        path, found, train, val, test, found.labels.classes, shape, None, stamp, tuple(notes)
    )


@lru_cache(maxsize=KEPT)
def _of_arrays(path: Path, seen: tuple[int, int], size: int) -> Survey:
    found = arrays.look(path)
    _check(path, found.labels.classes, found.counts[0])
    tests = found.counts[1] if len(found.counts) > 1 else None
    train, val, test = _split(found.counts[0], tests)
    notes, shape, form = [], found.shape, None
    if len(shape) == 3:
        channels, height, width = shape
        if size:
            shape = (channels, size, size)
            if (height, width) != (size, size):
                notes.append(f"Images of {width} × {height} pixels are resized to {size} × {size}.")
        form = Form(shape[1], channels, ())
    if not found.uint8:
        what = "Each channel" if len(shape) == 3 else "Each column"
        notes.append(f"{what} is standardised by its mean and deviation in the train part.")
    if not found.labels.classes:
        notes.append(
            "y is a number to predict, standardised too, with the mean squared error as loss: "
            f"{OF_MEAN}"
        )
    notes += _splits(("train",) if tests is None else ("train", "test"), test)
    notes += _uneven(found.labels.classes, found.labels.values)
    stamp = "-".join(map(str, seen))
    return Survey(
        path, found, train, val, test, found.labels.classes, shape, form, stamp, tuple(notes)
    )


def _split(pool: int, test: int | None = None) -> tuple[int, int, int]:
    """How many samples are to train, to validate and to test."""
    if test is None:
        test = held(pool)
        pool -= test
    return pool - held(pool), held(pool), test


def _splits(given: tuple[str, ...], test: int) -> list[str]:
    """Where the parts come from."""
    if "val" in given:
        return [] if test else ["There is no folder test: no test result is measured."]
    if "test" in given:
        return ["A tenth of the train part validates, another one for each seed."]
    return ["A tenth tests, the same for every seed; a tenth of the rest validates, by the seed."]


def _uneven(classes: tuple[str, ...], labels: "list[int] | tuple[float, ...]") -> list[str]:
    """That classes have few samples, or very different numbers of them."""
    if not classes:
        return []
    counts = [0] * len(classes)
    for label in labels:
        counts[int(label)] += 1
    least, most = min(counts), max(counts)
    if most < 3 * max(least, 1):
        return []
    rarest, largest = (plain(classes[counts.index(count)], 40) for count in (least, most))
    return [f"The classes are uneven: {most:,} of {largest}, {least:,} of {rarest}."]


def _check(path: Path, classes: tuple[str, ...], count: int) -> None:
    if count < 3:
        raise OwnError(f"{path} has {count} samples: it takes at least 3.")
    if len(classes) == 1:
        raise OwnError(f"{path} has one class only, {classes[0]}: there is nothing to tell apart.")


def _named(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (" and others" if len(names) > MOST_NAMED else "")


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
