"""The events of a run with those that are alike in one line, as `assets/lab/events.js` has them in
the page. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from app.charts.series import Sentence

BAD = ("no effect", "waiting", "cooldown")  # under the plateau rule each of these is a bad epoch
BY_HAND = ("hand", "threads")


@dataclass
class Event:
    """A line: its epochs, what they have in common, and how many of them attempted a cut."""

    first: int
    last: int
    kind: str
    text: str
    began: str
    ending: str
    alone: bool
    past: bool
    count: int = 1
    tries: int = 1

    def takes(self, newer: "Event") -> bool:
        """Whether it can take in the next newer one. Cuts attempted in vain take in the bad epochs
        between them.
        """
        if self.alone or newer.alone or not self.ending or self.past != newer.past:
            return False
        if self.kind == "no effect":
            return newer.kind in BAD
        return self.kind == newer.kind and (self.kind != "kept" or self.ending == newer.ending)

    def take(self, newer: "Event") -> None:
        self.count += newer.count
        self.last = newer.last
        if self.kind == newer.kind:
            self.ending = newer.ending
            self.tries += newer.tries

    @property
    def epochs(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    @property
    def words(self) -> str:
        """What it says: one epoch its sentence, several what they have in common."""
        if self.count == 1:
            return self.text
        match self.kind:
            case "improved":
                return f"New best each epoch, {self.ending}"
            case "waiting":
                return f"{self.count} bad epochs; {self.ending}"
            case "cooldown":
                return f"Cooldown: {self.count} bad epochs not counted"
            case "no effect":
                times = "once" if self.tries == 1 else f"{self.tries} times"
                return f"Cut attempted {times}, no effect; LR stays at {self.ending}"
        # The LR moved or was kept: the first sentence, up to the last one's LR.
        return self.text[: -len(f"{self.began}.")] + self.ending


def folded(sentences: Iterable[Sentence], best: int | None = None, forked: int = 0) -> list[Event]:
    """The lines of a run's events, oldest first.

    Args:
        best: the best epoch, which has a line of its own.
        forked: the epoch from which a fork continues; those up to it are its parent's.
    """
    lines: list[Event] = []
    for epoch, kind, text, ending in sentences:
        alone = epoch == best and kind not in BY_HAND
        line = Event(epoch, epoch, kind, text, ending, ending, alone, epoch <= forked)
        if lines and lines[-1].takes(line):
            lines[-1].take(line)
        else:
            lines.append(line)
    return lines
