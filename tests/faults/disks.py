"""Real disks for a test: one that is full, one that is read-only, mounted where that may be."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

BLOCK = 4096


@cache
def can_mount() -> bool:
    """Whether this user may mount a disk: on Linux root, or who needs no password for sudo."""
    if sys.platform != "linux":
        return False
    tried = suppress(OSError, subprocess.CalledProcessError)
    with TemporaryDirectory() as folder, tried, disk(Path(folder) / "disk", BLOCK):
        return True
    return False


def _as_root(*command: str) -> None:
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    subprocess.run([*sudo, *command], capture_output=True, check=True)


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Path]:
    """A disk of that many bytes, mounted at a new folder."""
    folder.mkdir()
    owner = f"uid={os.geteuid()},gid={os.getegid()}"
    _as_root("mount", "-t", "tmpfs", "-o", f"size={size},mode=700,{owner}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _as_root("umount", "-l", str(folder))


def fill(folder: Path) -> Path:
    """Fill the disk of a folder to its last block; returns the file to remove for room."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(BLOCK))
    return ballast


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The folder's disk cannot be written; it was made by `disk`."""
    _as_root("mount", "-o", "remount,ro", str(folder))
    try:
        yield
    finally:
        _as_root("mount", "-o", "remount,rw", str(folder))
