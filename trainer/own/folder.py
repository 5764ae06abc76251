"""A folder of images: a folder for each class, in folders for train, val and test or in none."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from .errors import OwnError

Part = Literal["train", "val", "test"]
# What folders of parts are called, in lower case.
PARTS: dict[str, Part] = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif")
MOST_IMAGES = 2_000_000
MOST_CLASSES = 10_000
MOST_LOOKED_INTO = 200  # folders, for what else could be meant


class File(NamedTuple):
    """An image, and the number of its class."""

    path: str
    label: int


@dataclass(frozen=True, slots=True)
class Folder:
    """The images of a folder.

    Attributes:
        classes: the names of the classes' folders, sorted.
        parts: the images of each part, by class and name; only of the folders that there are.
        stamp: another one after an image came, went, or has another size.
    """

    classes: tuple[str, ...]
    parts: dict[Part, tuple[File, ...]]
    stamp: str

    @property
    def files(self) -> list[File]:
        return [file for files in self.parts.values() for file in files]


def look(path: Path) -> Folder:
    """The images under a path.

    Raises:
        OwnError: it is not a folder of images in a folder a class.
        OSError: it cannot be read.
    """
    folders = _folders(path)
    parts: dict[Part, Path] = {}
    for folder in folders:
        if part := PARTS.get(folder.name.lower()):
            if part in parts:
                both = f"{parts[part].name} and {folder.name}"
                raise OwnError(f"{path} has two folders for one part, {both}: join them.")
            parts[part] = folder
    if "train" not in parts:
        parts = {"train": path}
    listed = {part: _classes(parts[part]) for part in ("train", "val", "test") if part in parts}
    classes = tuple(listed["train"])
    _check(path, parts, listed)
    digest, number = hashlib.sha256(), {name: i for i, name in enumerate(classes)}
    found: dict[Part, tuple[File, ...]] = {}
    for part, by_class in listed.items():
        files: list[File] = []
        for name, images in by_class.items():
            for image, size in images:
                files.append(File(str(parts[part] / name / image), number[name]))
                digest.update(f"{part}/{name}/{image} {size}\n".encode(errors="replace"))
        found[part] = tuple(files)
    if len(found["train"]) < 3:
        raise OwnError(f"{path} has {len(found['train'])} images to train with: it takes 3.")
    return Folder(classes, found, digest.hexdigest()[:16])


def stamped(path: Path) -> tuple[object, ...]:
    """What changes when an image comes or goes under a path, without looking at any image."""
    own = _folders(path)
    within = [inner for one in own if one.name.lower() in PARTS for inner in _folders(one)]
    return tuple((str(folder), folder.stat().st_mtime_ns) for folder in (path, *own, *within))


def _folders(path: Path) -> list[Path]:
    """The folders in a folder, without hidden ones, sorted."""
    with os.scandir(path) as entries:
        names = [e.name for e in entries if e.is_dir() and not e.name.startswith((".", "__MACOSX"))]
    if len(names) > MOST_CLASSES:
        raise OwnError(f"{path} has {len(names):,} folders: at most {MOST_CLASSES:,} classes.")
    return [path / name for name in sorted(names)]


def _classes(path: Path) -> dict[str, list[tuple[str, int]]]:
    """The names and sizes of the images in each folder of a folder."""
    found, count = {}, 0
    for folder in _folders(path):
        found[folder.name] = sorted(_images(folder))
        count += len(found[folder.name])
        if not found[folder.name]:
            break  # refused: the others need no look
        if count > MOST_IMAGES:
            raise OwnError(f"{path} has more than {MOST_IMAGES:,} images.")
    return found


def _images(folder: Path) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith("."):
                yield entry.name, entry.stat().st_size


def _check(
    path: Path, parts: dict[Part, Path], listed: dict[Part, dict[str, list[tuple[str, int]]]]
) -> None:
    """Refuse classes that cannot be trained on.

    Raises:
        OwnError: a class is empty, is the only one, or is not one to train with.
    """
    trained = listed["train"]
    if not trained:
        raise OwnError(
            f"{parts['train']} has no folders: put the images of each class into a folder of its "
            "own there."
        )
    for part, by_class in listed.items():
        for name, images in by_class.items():
            if not images:
                raise OwnError(_without_images(parts[part], name))
            if name not in trained:
                raise OwnError(
                    f"The class {name} of {parts[part].name} is not among those of "
                    f"{parts['train'].name}: it could not be learned."
                )
    if len(trained) == 1:
        raise OwnError(
            f"{path} has one class only, {next(iter(trained))}: there is nothing to tell apart."
        )


def _without_images(path: Path, name: str) -> str:
    """The sentence for a class without images, whose folder may be no class at all."""
    folders, empty = _folders(path), path / name
    filled = [folder for folder in folders if _has_images(folder)]
    for folder in folders[:MOST_LOOKED_INTO]:
        if folder not in filled and _is_data(folder):
            return (
                f"The folders in {path} are not the classes of one data set: give the path of the "
                f"data itself, such as {folder}."
            )
    if within := _filled(empty):
        return f"The class {name} has its images in {within[0]}: move them up into {empty}."
    if not filled:
        return (
            f"{path} has no images in its folders: give the path of a folder that has the images "
            "of each class in a folder of its own."
        )
    return f"The class {name} has no images in {empty}: add some, or move that folder elsewhere."


def _is_data(path: Path) -> bool:
    """Whether folders of images lie in this folder, or in its folder train."""
    try:
        trained = [folder for folder in _folders(path) if PARTS.get(folder.name.lower()) == "train"]
        return any(len(_filled(folder)) > 1 for folder in (path, *trained))
    except (OSError, OwnError):  # it is none that can be given
        return False


def _filled(path: Path) -> list[Path]:
    return [folder for folder in _folders(path)[:MOST_LOOKED_INTO] if _has_images(folder)]


def _has_images(folder: Path) -> bool:
    try:
        return any(True for _ in _images(folder))
    except OSError:
        return False
