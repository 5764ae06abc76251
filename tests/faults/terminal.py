"""The command in a process of its own, and the sentence in which it ends."""

import subprocess
import tempfile
from pathlib import Path
from typing import IO

from tests.forked import python


def lrscope(
    *arguments: str, home: Path, stdout: IO[str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    environment = {"LRSCOPE_HOME": str(home), "COLUMNS": "200", "TERM": "dumb"}
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as printed:
        with python(
            "-m", "app", *arguments, environment=environment, stdout=stdout or printed, stderr=said
        ) as process:
            process.wait(300)
        for file in (printed, said):
            file.seek(0)
        return subprocess.CompletedProcess(
            arguments, process.returncode, printed.read(), said.read()
        )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence in which a command ended that could not do its work."""
    assert done.returncode == 2, done
    (line,) = done.stderr.splitlines()
    assert line.startswith("lrscope: ")
    assert line.endswith(".")
    return line
