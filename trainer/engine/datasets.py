"""Loads a data set by name as tensors, split into train and validation by a seed.

`digits` comes with scikit-learn and needs no download. The others are torchvision's: `fetch`
downloads their files, `load` reads them from disk and never uses the network.
"""

import shutil
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from ..folders import DATASETS_ENV
from .archives import Archive, archives_of, is_intact, torchvision_class
from .errors import EngineError
from .events import Downloading

DIGITS_HELD = 360  # 20 % of 1797, rounded up
TICK = 0.1  # seconds between two progress reports
MOST_BYTES = 1 << 28  # of a download; the largest, CIFAR-10, is 170 MB
CLASSES = 10
TIMEOUT = 20.0  # seconds without data before a server counts as dead


class DatasetError(EngineError):
    """The data is not available; the message is one sentence for the user."""


@dataclass(frozen=True)
class Images:
    """`x`: uint8 [n, channels, height, width], contiguous; `y`: int64 [n], the class of each.

    Of one's own data `x` may be float32, also [n, numbers], and `y` float32: numbers to predict.

    The tensors may be shared with other loads of the same data: do not modify them.
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def at(self, rows: Tensor) -> "Images":
        """The images at `rows` (int64 [k]), copied."""
        return Images(self.x.index_select(0, rows), self.y.index_select(0, rows))

    def to(self, device: torch.device | str) -> "Images":
        return Images(self.x.to(device), self.y.to(device))


@dataclass(frozen=True)
class Splits:
    """Three disjoint sets of images. `test` is the same for every seed.

    `classes` is 0 where numbers are to be predicted. Of one's own data, of which `test` may be
    empty: `stamp` is another text after it has changed, and `notes` say what was made of it.
    """

    train: Images
    val: Images
    test: Images
    classes: int
    stamp: str = ""
    notes: tuple[str, ...] = ()

    def to(self, device: torch.device | str) -> "Splits":
        train, val, test = (part.to(device) for part in (self.train, self.val, self.test))
        return replace(self, train=train, val=val, test=test)


def load(name: str, root: Path, seed: int) -> Splits:
    """Read a data set from disk and split it, stratified; the same seed gives the same split.

    For digits, 360 images are the test set and 360 of the rest validation; for the others,
    validation is 10 % of torchvision's training set.

    Raises:
        DatasetError: files are missing, damaged or unreadable.
    """
    try:
        pool, test = _read(name, root)
    except OSError as error:
        raise DatasetError(f"{name} could not be read from {root} ({_why(error)}).") from error
    rest, held = split(pool.y, DIGITS_HELD if name == "digits" else len(pool) // 10, seed)
    return Splits(pool.at(rest), pool.at(held), test, classes=CLASSES)


def fetch(name: str, root: Path) -> Generator[Downloading, None, None]:
    """Make sure that a data set's files are under `root` and intact; damaged ones are replaced.

    Yields progress about ten times a second, also while another process has locked the folder,
    and nothing if there is nothing to do. Closing it leaves no partial file behind.

    Raises:
        DatasetError: no server gave the file, or the folder cannot be written.
    """
    if name == "digits":
        return
    try:
        archives = archives_of(name, root)
        # Checked before anything is written, so that a complete read-only folder works.
        missing = next((archive for archive in archives if archive.broken()), None)
        if missing is None:
            return
        root.mkdir(parents=True, exist_ok=True)
        # Not thread-local, since another thread may close the generator.
        lock = FileLock(root / ".lock", thread_local=False)
        while not lock.is_locked:
            try:
                lock.acquire(timeout=TICK)
            except Timeout:
                yield Downloading(missing.path.name, 0, 0)
        try:
            for archive in archives:
                yield from _repair(name, archive)
        finally:
            lock.release()
    except OSError as error:
        raise DatasetError(
            f"{name} could not be written to {root} ({_why(error)}); free some space or choose "
            f"another folder with {DATASETS_ENV}, or use the bundled data set digits."
        ) from error


def _repair(name: str, archive: Archive) -> Iterator[Downloading]:
    """Unpack an archive if any of its files is damaged or missing; download it if necessary."""
    from torchvision.datasets.utils import extract_archive

    broken = archive.broken()
    if not broken:
        return
    for file in broken:
        file.unlink(missing_ok=True)
    archive.path.parent.mkdir(parents=True, exist_ok=True)
    if not is_intact(archive.path, archive.md5):
        archive.path.unlink(missing_ok=True)
        yield from _download(name, archive)
    # torchvision's own download() would fetch every missing archive, even if its files are there,
    # fall back to http if https fails, and unpack in place. So use only its unpacking, in a
    # temporary folder.
    unpacked = archive.path.with_name(archive.path.name + ".unpacked")
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        unpacked.mkdir()
        extract_archive(archive.path, unpacked)
        for file in broken:
            file.parent.mkdir(exist_ok=True)
            (unpacked / file.relative_to(archive.path.parent)).replace(file)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _download(name: str, archive: Archive) -> Iterator[Downloading]:
    """Download an archive from the first mirror that delivers it intact."""
    part = archive.path.with_name(archive.path.name + ".part")
    reasons = []
    for url in archive.urls:
        try:
            yield from _receive(url, part, archive.path.name)
            if is_intact(part, archive.md5):
                part.replace(archive.path)
                return
            why = "the download is damaged"
        except _MirrorError as error:
            why = str(error)
        finally:
            part.unlink(missing_ok=True)
        reasons.append(f"{urlsplit(url).netloc}: {why}")
    raise DatasetError(
        f"{archive.path.name} of {name} could not be fetched ({'; '.join(reasons)}); use the "
        f"bundled data set digits, or put the files of {name} in {archive.path.parent}."
    )


def _receive(url: str, part: Path, file: str) -> Iterator[Downloading]:
    """Write the response of `url` to `part`. Only network errors become _MirrorError."""
    reported, received, total = time.monotonic(), 0, 0
    yield Downloading(file, 0, 0)
    with part.open("wb") as out, closing(_chunks(url)) as chunks:
        for chunk, total in chunks:
            received += len(chunk)
            if received > MOST_BYTES:
                raise _MirrorError(f"it is larger than {MOST_BYTES >> 20} MiB")
            out.write(chunk)
            if time.monotonic() - reported >= TICK:
                reported = time.monotonic()
                yield Downloading(file, received, total)
    yield Downloading(file, received, total)


class _MirrorError(Exception):
    """A server did not deliver the file; the message gives the reason in a few words."""


def _chunks(url: str) -> Generator[tuple[bytes, int], None, None]:
    """The response of `url` in chunks as they arrive, each with the total size, or 0 if unknown."""
    request = Request(url, headers={"User-Agent": "lrscope"})
    try:
        with build_opener(_StayOnHttps).open(request, timeout=TIMEOUT) as response:
            total = response.length or 0
            while chunk := response.read1(1 << 16):
                yield chunk, total
    except HTTPError as error:
        with error:
            raise _MirrorError(f"HTTP {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise _MirrorError(_why(error)) from error


class _StayOnHttps(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise HTTPError(req.full_url, code, "redirects to an unsafe address", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _why(error: BaseException) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__


@lru_cache(maxsize=2)
def _read(name: str, root: Path) -> tuple[Images, Images]:
    """The images to split by seed, and the test set."""
    if name == "digits":
        digits = _digits()
        pool, test = split(digits.y, DIGITS_HELD, seed=0)
        return digits.at(pool), digits.at(test)
    if any(archive.broken() for archive in archives_of(name, root)):
        raise DatasetError(
            f"Files of {name} are missing or damaged under {root}; fetch them again, or use "
            f"the bundled data set digits."
        )
    kind = torchvision_class(name)
    try:
        parts = _images(kind(root, train=True)), _images(kind(root, train=False))
    except OSError:
        raise
    except Exception as error:  # whatever torchvision raises for files that are not what they were
        raise _altered(name, root, _why(error).splitlines()[0]) from error
    for part in parts:
        if len(part.x) != len(part.y):
            raise _altered(name, root, f"{len(part.x)} images, {len(part.y)} labels")
        if len(part) < CLASSES:
            raise _altered(name, root, f"{len(part)} images")
        if not 0 <= int(part.y.min()) <= int(part.y.max()) < CLASSES:
            raise _altered(name, root, f"labels from {part.y.min()} to {part.y.max()}")
    return parts


def _altered(name: str, root: Path, why: str) -> DatasetError:
    folder = archives_of(name, root)[0].path.parent
    return DatasetError(
        f"The files in {folder} are not those of {name} ({why}): delete them, so that they are "
        "fetched again, or use the bundled data set digits."
    )


def _digits() -> Images:
    """scikit-learn's 1797 digits of 8 x 8 pixels, enlarged to MNIST's 28 x 28."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    small = torch.from_numpy(digits.images).float().unsqueeze(1)  # values 0 to 16
    large = torch.nn.functional.interpolate(small, size=(28, 28), mode="bilinear")
    x = (large * (255 / 16)).round().clamp(0, 255).to(torch.uint8)
    return Images(x.contiguous(), torch.from_numpy(digits.target).long())


def _images(data: Any) -> Images:
    """A torchvision data set's images; its `data` is [n, h, w], or [n, h, w, 3] in colour."""
    x = torch.as_tensor(data.data)
    x = x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2)
    return Images(x.contiguous(), torch.as_tensor(data.targets).long())


def split(y: Tensor, held: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows to keep and exactly `held` rows to hold out, in proportion to the classes.

    The rows are shuffled, sorted by class, and every (n / held)-th one is held out: so each class
    gives its share, rounded up or down, and the shares add up to `held`.
    """
    n = len(y)
    shuffled = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    by_class = shuffled[torch.argsort(y[shuffled], stable=True)]
    out = torch.zeros(n, dtype=torch.bool)
    out[by_class[(2 * torch.arange(held) + 1) * n // (2 * held)]] = True
    return torch.nonzero(~out).flatten(), torch.nonzero(out).flatten()
