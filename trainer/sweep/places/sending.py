"""The files that a run reads, and what another machine lacks of them. torch-free.

They lie under the same path there: a run, its snapshots and what is said of it then name the same.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...config.own import in_file
from ...config.run import RunConfig, is_known_data
from .remote import PlaceError

MOST_BYTES = 64 << 20  # of a parcel, but for a single larger file


@dataclass(frozen=True)
class Sent:
    """A file: its path, its time in nanoseconds, and what is in it."""

    path: str
    time: int
    content: bytes


def read_by(config: RunConfig, root: Path) -> list[Path]:
    """The files on this machine that a run reads; those of a data set that is not downloaded yet
    are not among them.
    """
    own = in_file(config.model)
    # What else it imports must be installed there.
    code = list(Path(own.file).parent.glob("*.py")) if own else []
    return [*code, *_data(config.dataset, root)]


def _data(name: str, root: Path) -> list[Path]:
    if name == "digits":
        return []
    if is_known_data(name):
        from ...engine.archives import archives_of

        files = [a.path.parent / file for a in archives_of(name, root) for file in a.files]
        return [file for file in files if file.is_file()]
    data = Path(name)
    return sorted(file for file in data.rglob("*") if file.is_file()) if data.is_dir() else [data]


def sizes(files: Iterable[Path]) -> list[tuple[str, int]]:
    """Each file with its size in bytes."""
    return [(str(file), file.stat().st_size) for file in files]


def lacking(files: Iterable[tuple[str, int]]) -> list[str]:
    """Which of these files are not on this machine.

    Raises:
        PlaceError: one is, and is another.
    """
    missing = []
    for path, size in files:
        try:
            here = Path(path).stat().st_size
        except OSError:
            missing.append(path)
            continue
        if here != size:
            raise PlaceError(
                f"{path} on {_machine()} is not the file that the sweep is started with: put the "
                "same file there, or none, so that it is sent."
            )
    return missing


def parcels(paths: Iterable[str]) -> Iterator[list[Sent]]:
    """The files as they are sent, several at a time."""
    parcel: list[Sent] = []
    for path in paths:
        file = Path(path)
        parcel.append(Sent(path, file.stat().st_mtime_ns, file.read_bytes()))
        if sum(len(sent.content) for sent in parcel) >= MOST_BYTES:
            yield parcel
            parcel = []
    if parcel:
        yield parcel


def receive(parcel: Iterable[Sent]) -> None:
    """Write files where they are on the other machine.

    Raises:
        PlaceError: they cannot be written.
    """
    for sent in parcel:
        path = Path(sent.path)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(sent.content)
            os.utime(part, ns=(sent.time, sent.time))
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise PlaceError(
                f"{path} is not on {_machine()} and cannot be written there ({error.strerror}): "
                "put it there, under the same path."
            ) from error


def _machine() -> str:
    import platform

    return platform.node() or "another machine"
