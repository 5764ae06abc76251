"""Draws a run whenever it is asked to, in a process of its own: what a notebook shows."""

import json
import sys
from contextlib import closing
from pathlib import Path

from app.picture.drawn import drawn
from app.picture.svg import Look, svg
from trainer.store.store import existing


def main() -> None:
    """For each line of the input, the number of a run, print its picture as one line of JSON.

    The arguments are the home, the picture's width and height in pixels, and its colours.
    """
    home, width, height, theme = sys.argv[1:]
    look = Look(int(width), int(height), "dark" if theme == "dark" else "light")
    with closing(existing(Path(home))) as store:
        for line in sys.stdin:
            print(json.dumps(svg([drawn(store, int(line))], look)), flush=True)
