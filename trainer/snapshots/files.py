"""The files of a run's snapshots. torch-free."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

BUDGET_MB = 512  # a run's snapshots; an option of serve and train

At = tuple[int, int]
"""(epoch, batch): the number of complete epochs, and of batches of the next one."""

NAME = re.compile(r"epoch-(\d+)(?:-batch-(\d+))?\.pt")


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot on disk; `size` in bytes."""

    at: At
    size: int
    path: Path


def folder(home: Path, run: int) -> Path:
    """The folder of a run's snapshots."""
    return home / "runs" / str(run)


def name(at: At) -> str:
    """epoch-00012.pt, or epoch-00012-batch-00031.pt for one within an epoch."""
    epoch, batch = at
    return f"epoch-{epoch:05}.pt" if not batch else f"epoch-{epoch:05}-batch-{batch:05}.pt"


def listed(folder: Path) -> list[Kept]:
    """The snapshots in a folder, earliest first; none if the folder does not exist."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if match := NAME.fullmatch(path.name):
            try:
                size = path.stat().st_size
            except FileNotFoundError:  # just deleted by the process that trains
                continue
            found.append(Kept((int(match[1]), int(match[2] or 0)), size, path))
    return sorted(found, key=lambda kept: kept.at)


def remove(folder: Path) -> None:
    """Delete a run's snapshots, as far as the disk lets."""
    shutil.rmtree(folder, ignore_errors=True)


def nearest(folder: Path, epoch: int) -> list[Kept]:
    """The snapshots at or before the end of `epoch`, nearest first."""
    return [kept for kept in reversed(listed(folder)) if kept.at <= (epoch, 0)]
