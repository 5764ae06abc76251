"""What a shell completes: commands, settings, their values and the numbers of runs."""

import subprocess
from pathlib import Path

import pytest

from tests.exported import Runs
from tests.forked import python


def completed(line: str, home: Path) -> tuple[list[str], str]:
    """What bash would offer after this line, and what would be in the way on its screen."""
    with python(
        *["-m", "app"],
        environment={
            "LRSCOPE_HOME": str(home),
            "_LRSCOPE_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split(" ")) - 1),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        return process.stdout.read().split(), process.stderr.read()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("lrscope sh", ["show"]),
        ("lrscope show ", ["5", "4", "3", "2", "1"]),
        ("lrscope compare 1 3", ["3"]),
        ("lrscope train --pat", ["--patience"]),
        ("lrscope train --lr 0.1 --schedule St", ["StepLR"]),
        ("lrscope export 1 --format c", ["config", "csv"]),
        ("lrscope runs --status fi", ["finished"]),
    ],
)
def test_a_shell_is_offered_what_can_come_next(runs: Runs, line: str, offered: list[str]) -> None:
    assert completed(line, runs.home) == (offered, "")


def test_without_a_home_nothing_is_offered_and_none_is_made(tmp_path: Path) -> None:
    assert completed("lrscope show ", tmp_path / "none") == ([], "")
    assert not (tmp_path / "none").exists()
