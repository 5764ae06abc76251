"""The command without a new process."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.cli import main as cli
from tests.exported import runs, store

__all__ = ["here", "runs", "store"]

Here = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: Any, capsys: Any) -> Here:
    """Runs the command over a home of its own, or another one: its exit code and what it says."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def run(*arguments: str, home: Path = tmp_path) -> tuple[int, str, str]:
        monkeypatch.setenv("LRSCOPE_HOME", str(home))
        monkeypatch.setattr(sys, "argv", ["lrscope", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, said.out, said.err

    monkeypatch.setenv("LRSCOPE_HOME", str(tmp_path))
    return run
