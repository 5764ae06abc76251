"""The command in a process of its own, and the sentence in which it ends."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def lrscope(
    *arguments: str, home: Path, stdout: Any = subprocess.PIPE, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    environment = {**os.environ, "LRSCOPE_HOME": str(home), "COLUMNS": "200", "TERM": "dumb"}
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
        **options,
    )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence in which a command ended that could not do its work."""
    assert done.returncode == 2, done
    (line,) = done.stderr.splitlines()
    assert line.startswith("lrscope: ")
    assert line.endswith(".")
    return line
