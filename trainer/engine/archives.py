"""The files of the data sets that are downloaded, and whether they are intact."""

import hashlib
import math
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Archive:
    """One download and the `files` in it: paths relative to its folder -> md5.

    An idx file has no published md5, "" here: its header contains its length.
    """

    path: Path
    md5: str
    urls: list[str]
    files: dict[str, str]

    def broken(self) -> list[Path]:
        """The unpacked files that are missing, damaged, or not what is in the archive."""
        files = [(self.path.parent / file, md5) for file, md5 in self.files.items()]
        return [file for file, md5 in files if not is_intact(file, md5) or self._differs(file)]

    def _differs(self, file: Path) -> bool:
        """Whether a file is not the one in an intact archive; one without an archive is taken as it
        is.
        """
        if self.path.suffix != ".gz" or len(self.files) > 1 or not self.path.is_file():
            return False
        stamps = [(path.stat().st_mtime_ns, path.stat().st_size) for path in (file, self.path)]
        return _differs(file, self.path, self.md5, tuple(stamps))


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)  # otherwise an error on machines in FIPS mode


def torchvision_class(name: str) -> Any:
    """torchvision's class of a data set: where its files come from, and how they are read."""
    # Imported here because it takes over a second.
    from torchvision import datasets

    kinds = ("MNIST", "FashionMNIST", "KMNIST", "CIFAR10")
    return getattr(datasets, {kind.lower(): kind for kind in kinds}[name.replace("-", "")])


def archives_of(name: str, root: Path) -> list[Archive]:
    """The downloads of a data set under `root`."""
    kind = torchvision_class(name)
    if name == "cifar10":
        lists = [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]
        files = {f"{kind.base_folder}/{file}": md5 for file, md5 in lists}
        return [Archive(root / kind.filename, kind.tgz_md5, [kind.url], files)]
    raw = root / kind.__name__ / "raw"
    return [
        Archive(raw / gz, md5, [mirror + gz for mirror in kind.mirrors], {Path(gz).stem: ""})
        for gz, md5 in kind.resources
    ]


@lru_cache(maxsize=32)
def _differs(file: Path, archive: Path, md5: str, _stamps: object) -> bool:
    """Whether a file's checksum is not the one in its intact archive. Neither has changed since its
    stamp.
    """
    if not is_intact(archive, md5):
        return False
    checksum = 0
    with file.open("rb") as data, archive.open("rb") as packed:
        while chunk := data.read(1 << 20):
            checksum = zlib.crc32(chunk, checksum)
        packed.seek(-8, 2)  # gzip ends with the checksum and the length of what is in it
        return checksum != int.from_bytes(packed.read(4), "little")


def is_intact(path: Path, md5: str) -> bool:
    """Whether the file has this md5 or, without one, is an idx file as its name says: images of
    28 x 28 or labels, of the length in its header.
    """
    if not path.is_file():
        return False
    if md5:
        with path.open("rb") as file:
            return hashlib.file_digest(file, _md5).hexdigest() == md5
    with path.open("rb") as file:
        head = file.read(4)
        sizes = file.read(4 * head[3]) if head[:3] == b"\0\0\x08" and len(head) == 4 else b""
    shape = [int.from_bytes(sizes[i : i + 4]) for i in range(0, len(sizes), 4)]
    if shape[1:] != ([28, 28] if "images" in path.name else []):
        return False
    return bool(shape) and path.stat().st_size == len(head) + len(sizes) + math.prod(shape)
