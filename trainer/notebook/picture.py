"""The picture of a run in a cell of a notebook, drawn again while it trains. torch-free.

What draws is the page's, and knows LRScope's packages by names that a project may have too: so it
is a process of its own, which also takes no time from the training.
"""

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

Theme = Literal["light", "dark"]

WIDTH, HEIGHT = 960, 560  # pixels; a notebook makes it smaller where it is narrower
LEAST_SECONDS = 0.5  # between two pictures
MOST_SHARE = 0.1  # of the time is spent drawing
HERE = Path(__file__).resolve().parents[2]  # both packages lie in it
CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from app.picture.asked import main; main()"


def notebook() -> Any:
    """IPython's module of displays if this is a cell of a notebook, else None."""
    shell = "IPython" in sys.modules and sys.modules["IPython"].get_ipython()
    if not getattr(shell, "kernel", None):
        return None
    from IPython import display

    return display


class LivePicture:
    """A run's picture in a notebook, drawn again in its place; nothing elsewhere."""

    def __init__(self, home: Path, run: int, theme: Theme) -> None:
        self._home, self._run, self._theme = home, run, theme
        self._drawing: subprocess.Popen[str] | None = None
        self._handle: Any = None
        self._display = notebook()
        self._next = 0.0
        self._is_new = True

    @property
    def is_shown(self) -> bool:
        return self._display is not None

    def show(self, is_new: bool) -> None:
        """Draw it again if there is something new and the last time was long enough ago."""
        self._is_new = self._is_new or is_new
        if self._is_new and time.monotonic() >= self._next:
            self._show()

    def restart(self) -> None:
        """Draw in another process from now on: the last answer of this one may have been lost."""
        if self._drawing:
            self._drawing.kill()
            self._drawing.communicate()
            self._drawing = None

    def close(self) -> None:
        """Draw it as it is, and no more."""
        try:
            if self._is_new or self._drawing is None:
                self._show()
        finally:
            self.restart()

    def _show(self) -> None:
        if self._display is None:
            return
        starts, began = self._drawing is None, time.monotonic()
        svg = self._drawn()
        self._is_new = False
        now = time.monotonic()
        spent = 0.0 if starts else now - began
        self._next = now + max(LEAST_SECONDS, spent / MOST_SHARE)
        if svg is None:
            return
        bundle = {"image/svg+xml": svg, "text/plain": f"Run {self._run}"}
        if self._handle is None:
            self._handle = self._display.display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def _drawn(self) -> str | None:
        """The picture; None where it could not be drawn, which costs no run."""
        if self._drawing is None:
            size = (str(WIDTH), str(HEIGHT))
            self._drawing = subprocess.Popen(
                [sys.executable, "-c", CODE, str(HERE), str(self._home), *size, self._theme],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                process_group=None if sys.platform == "win32" else 0,  # no interrupt reaches it
            )
        assert self._drawing.stdin is not None
        assert self._drawing.stdout is not None
        with suppress(OSError):
            self._drawing.stdin.write(f"{self._run}\n")
            self._drawing.stdin.flush()
            if answer := self._drawing.stdout.readline():
                return str(json.loads(answer))
        return None
