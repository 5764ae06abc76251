"""Reads one's own data as tensors, and splits it by a seed where its folders do not."""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..config.run import RunConfig
from ..own.arrays import Arrays
from ..own.errors import OwnError
from ..own.folder import File, Folder, Part
from ..own.labels import Labels
from ..own.pictures import Form, decoded
from ..own.rows import Rows
from ..own.survey import Survey, held, refuse_too_large, survey
from .datasets import Images, Splits, split
from .events import Reading

if TYPE_CHECKING:
    from PIL.Image import Image

AT_ONCE = 256  # images between two reports
DECODERS = 4  # threads

Parts = dict[Part, Images]
Key = tuple[object, ...]
# The data that was read last: a setting is often trained again, with another seed.
_kept: dict[Key, Parts] = {}


def load(config: RunConfig) -> Generator[Reading, None, Splits]:
    """Read a config's own data and split it; the same seed gives the same split. Numbers, but not
    bytes, are standardised by the train part.

    Raises:
        OwnError: it cannot be read or trained on, or memory has no room for it.
    """
    found = survey(config)
    key = (found.path, found.stamp, found.shape, config.target)
    if key not in _kept:
        _kept.clear()
        refuse_too_large(found)
        _kept[key] = yield from _read(found)
    parts = _kept[key]
    splits = _standardised(_split(parts, len(found.classes), config.seed))
    return replace(splits, stamp=found.stamp, notes=found.notes)


def _read(found: Survey) -> Generator[Reading, None, Parts]:
    match found.source:
        case Folder(parts=parts):
            assert found.form is not None
            read: Parts = {}
            for part, files in parts.items():
                read[part] = yield from _images(files, found.form)
            return read
        case Rows() as rows:
            x = torch.frombuffer(rows.values, dtype=torch.float64)
            return {"train": Images(x.view(len(rows), -1), _labels(rows.labels))}
        case Arrays() as arrays:
            return _arrays(found, arrays)


def _images(files: Sequence[File], form: Form) -> Generator[Reading, None, Images]:
    """Images decoded into one tensor."""
    x = torch.empty((len(files), form.channels, form.size, form.size), dtype=torch.uint8)
    done = 0
    with ThreadPoolExecutor(DECODERS) as pool:
        for start in range(0, len(files), AT_ONCE):
            some = files[start : start + AT_ONCE]
            yield Reading(done, len(files))
            for pixels in pool.map(lambda file: _pixels(decoded(file.path, form)), some):
                x[done] = pixels
                done += 1
    return Images(x, torch.tensor([file.label for file in files]))


def _pixels(image: "Image") -> Tensor:
    """uint8 [channels, height, width]."""
    channels = len(image.getbands())
    flat = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return flat.view(image.height, image.width, channels).permute(2, 0, 1)


def _arrays(found: Survey, arrays: Arrays) -> Parts:
    import numpy as np

    given: list[Part] = ["train", "test"]
    parts: Parts = {}
    y = _labels(arrays.labels).split(list(arrays.counts))
    with np.load(found.path, allow_pickle=False) as stored:
        for part, name, labels in zip(given, arrays.names, y, strict=False):
            array = stored[name]
            if not arrays.uint8:
                array = array.astype(np.float32 if len(found.shape) == 3 else np.float64)
            x = torch.from_numpy(np.ascontiguousarray(array))
            if x.is_floating_point() and not x.isfinite().all():
                raise OwnError(f"{found.path} has a number in {name} that is not finite.")
            if len(found.shape) == 3:
                x = x.unsqueeze(1) if x.ndim == 3 else x
                x = x.permute(0, 3, 1, 2).contiguous() if arrays.channels_last else x
                x = _resized(x, found.shape[1:])
            parts[part] = Images(x, labels)
    return parts


def _resized(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Images [n, channels, height, width] in another size, in their own type."""
    if x.shape[2:] == size:
        return x
    made = [
        interpolate(some.float(), size=size, mode="bilinear", antialias=True)
        for some in x.split(AT_ONCE)
    ]
    scaled = torch.cat(made)
    return scaled.round().clamp(0, 255).to(x.dtype) if x.dtype == torch.uint8 else scaled


def _labels(labels: Labels) -> Tensor:
    """int64 [n], the class of each sample; float64 [n] where numbers are to be predicted."""
    return torch.tensor(labels.values, dtype=torch.int64 if labels.classes else torch.float64)


def _split(parts: Parts, classes: int, seed: int) -> Splits:
    train, val, test = parts["train"], parts.get("val"), parts.get("test")
    if test is None and val is None:
        rest, out = split(train.y, held(len(train)), seed=0)
        train, test = train.at(rest), train.at(out)
    if val is None:
        rest, out = split(train.y, held(len(train)), seed)
        train, val = train.at(rest), train.at(out)
    if test is None:
        test = Images(val.x[:0], val.y[:0])
    return Splits(train, val, test, classes)


def _standardised(splits: Splits) -> Splits:
    """Numbers as float32 with mean 0 and deviation 1 in the train part, column by column or channel
    by channel; bytes as they are. So are numbers to predict.
    """
    x, y = splits.train.x, splits.train.y
    shifts = None if x.dtype == torch.uint8 else [_shift(x[:, i]) for i in range(x.shape[1])]
    of_y = _shift(y) if y.is_floating_point() else None

    def made(part: Images) -> Images:
        x, y = part.x, part.y
        if shifts is not None:
            mean, deviation = (
                torch.tensor(own, dtype=x.dtype).view(-1, *[1] * (x.ndim - 2))
                for own in zip(*shifts, strict=True)
            )
            x = ((x - mean) / deviation).float()
        if of_y is not None:
            y = ((y - of_y[0]) / of_y[1]).float()
        return Images(x, y)

    return replace(splits, train=made(splits.train), val=made(splits.val), test=made(splits.test))


def _shift(column: Tensor) -> tuple[float, float]:
    """The mean and the deviation of numbers; 1 where they are all the same."""
    deviation, mean = torch.std_mean(column.double(), correction=0)
    return mean.item(), deviation.item() or 1.0
