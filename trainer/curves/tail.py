"""What another program adds to a file, read as it comes. torch-free."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .columns import CurveError
from .csv import MOST_BYTES

COMPARED_BYTES = 4096  # at the start of what was read, and at its end


class VanishedError(CurveError):
    """A file that was followed is no longer there."""


def unreadable(name: str, error: Exception) -> CurveError:
    """The error for a file that cannot be read."""
    why = getattr(error, "strerror", None) or error
    return CurveError(f"{name} cannot be read ({why}): choose another file.")


class Tail:
    """What another program adds to a file.

    Args:
        name: what it is called, for errors.
        whole: how many bytes, of those that are new, are whole lines or records.
    """

    def __init__(self, path: Path, name: str, whole: Callable[[bytes], int]) -> None:
        self._path = path
        self._name = name
        self._whole = whole
        self._looked: tuple[int, ...] | None = None
        self.rewind()

    def rewind(self) -> None:
        """Read from the start."""
        self.offset = 0
        self._start = self._end = b""
        self._looked = None

    def read(self, at_end: bool = False) -> tuple[bytes, bool]:
        """What is new, and whether that is all that the file has, since it was written anew.

        Args:
            at_end: also what is not whole.

        Raises:
            VanishedError: the file is gone.
            CurveError: it cannot be read, or is too large.
        """
        try:
            found = self._path.stat()
            looked = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
            if looked == self._looked and not at_end:
                return b"", False
            with self._path.open("rb") as file:
                anew = self.offset > 0 and (
                    looked[:2] != (self._looked or looked)[:2]
                    or found.st_size < self.offset
                    or not self._continues(file)
                )
                if anew:
                    self.rewind()
                file.seek(self.offset)
                data = file.read(MOST_BYTES + 1)
        except FileNotFoundError as error:
            raise VanishedError(
                f"{self._name} is no longer there: follow it again once it is."
            ) from error
        except OSError as error:
            raise unreadable(self._name, error) from error
        self._looked = looked
        if self.offset + len(data) > MOST_BYTES:
            raise CurveError(f"{self._name} is larger than 64 MiB: log less often.")
        data = data if at_end else data[: self._whole(data)]
        self.offset += len(data)
        self._start += data[: COMPARED_BYTES - len(self._start)]
        self._end = (self._end + data)[-COMPARED_BYTES:]
        return data, anew

    def _continues(self, file: BinaryIO) -> bool:
        """Whether what was read is still there: a program may write its file anew, as Lightning
        does with a new column, and be done before the next look.
        """
        file.seek(0)
        if file.read(len(self._start)) != self._start:
            return False
        file.seek(self.offset - len(self._end))
        return file.read(len(self._end)) == self._end
