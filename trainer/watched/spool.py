"""Where spools lie, and how the file of one is read as it grows. torch-free."""

from pathlib import Path

FOLDER = "watched"
CHUNK = 4 << 20  # bytes that are read at once


def are_there(home: Path) -> bool:
    """Whether trainings have left spools in a home."""
    return any((home / FOLDER).glob("*.jsonl"))


class SpoolFile:
    """The complete lines of a file that another program is writing.

    Attributes:
        offset: the byte after the last line that was read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0

    def has_more(self) -> bool:
        """Whether the file goes on after what was read. False where it is gone.

        Raises:
            OSError: it cannot be looked at.
        """
        try:
            return self.path.stat().st_size > self.offset
        except FileNotFoundError:
            return False

    def lines(self, most: int = CHUNK) -> list[tuple[int, bytes]]:
        """The next complete lines, each with the byte after it, about `most` bytes of them at once.

        Raises:
            OSError: the file cannot be read.
        """
        with self.path.open("rb") as file:
            file.seek(self.offset)
            text = file.read(most)
            while text and b"\n" not in text and (more := file.read(most)):
                text += more
        found = []
        *whole, _ = text.split(b"\n")
        for line in whole:
            self.offset += len(line) + 1
            found.append((self.offset, line))
        return found
