"""The command in a process of its own, and the sentence in which it ends."""

import subprocess
from pathlib import Path
from typing import IO

from tests.forked import finished


def lrscope(
    *arguments: str, home: Path, stdout: IO[str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    environment = {"LRSCOPE_HOME": str(home), "COLUMNS": "200", "TERM": "dumb"}
    return finished("-m", "app", *arguments, environment=environment, stdout=stdout)


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence in which a command ended that could not do its work."""
    assert done.returncode == 2, done
    (line,) = done.stderr.splitlines()
    assert line.startswith("lrscope: ")
    assert line.endswith(".")
    return line
