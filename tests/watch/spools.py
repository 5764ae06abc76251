"""What watched trainings have written, and what is asked of them."""

import json
from itertools import count
from pathlib import Path
from typing import Any

_numbers = count(1)


def spool(home: Path) -> Path:
    """The one spool of a home."""
    (found,) = (path for path in (home / "watched").glob("*.jsonl") if ".commands" not in path.name)
    return found


def lines(home: Path, *kinds: str) -> list[dict[str, Any]]:
    """The lines of the one spool, of these kinds or of all, without the time that each has,
    but for those that are about time.
    """
    read = [json.loads(line) for line in spool(home).read_text().splitlines()]
    for line in read:
        assert isinstance(
            line["at"] if line["kind"] in ("start", "epoch") else line.pop("at"), float
        )
    return [line for line in read if not kinds or line["kind"] in kinds]


def line(home: Path, kind: str) -> dict[str, Any]:
    """The only line of that kind."""
    (found,) = lines(home, kind)
    return found


def ask(home: Path, name: str, value: Any = None) -> int:
    """Write a command as the page does; its number."""
    path = spool(home).with_suffix(".commands.jsonl")
    number = next(_numbers)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": number, "name": name, "value": value}) + "\n")
    return number
