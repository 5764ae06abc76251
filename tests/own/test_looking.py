"""What a network looks like, found out by a process of its own."""

import subprocess
import sys

import pytest

from tests.own.made import NET, network
from trainer.own import looking
from trainer.own.errors import OwnError


def refused(folder, text: str) -> str:
    with pytest.raises(OwnError) as caught:
        looking.look(network(folder, text), (1, 8, 8), 3)
    return str(caught.value)


def test_its_parameters_layers_and_notes_are_told(tmp_path):
    found = looking.look(network(tmp_path, f"import random\nprint('loaded')\n{NET}"), (1, 8, 8), 3)
    assert [(one.name, one.kind, one.shape, one.parameters) for one in found.layers] == [
        ("first", "Conv2d", (4, 8, 8), 40),
        ("norm", "BatchNorm2d", (4, 8, 8), 8),
        ("drop", "Dropout", (256,), 0),
        ("last", "Linear", (3,), 771),
    ]
    assert (found.parameters, found.more) == (819, 0)
    assert found.notes[0].startswith("model.py has a generator of its own in line 1")


def test_what_a_file_does_is_done_to_that_process_alone(tmp_path):
    path = network(tmp_path, f"import os\nos._exit(3)\n{NET}")
    assert refused(tmp_path, f"import os\nos._exit(3)\n{NET}") == (
        f"{path} ended the process that looked at it (code 3)."
    )


def test_one_that_never_gets_ready_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(looking, "SECONDS", 0.5)
    text = f"while True: pass\n{NET}"
    assert refused(tmp_path, text).endswith("did not get ready within 0 s.")


def test_a_look_that_nobody_waits_for_any_more_ends_by_itself(tmp_path):
    path = network(tmp_path, f"while True: pass\n{NET}")
    alone = subprocess.Popen(
        [sys.executable, "-P", "-c", looking.PROGRAM, path, "1,8,8", "3", "0.1"]
    )
    assert alone.wait(60) == 1


def test_what_is_wrong_is_said_as_when_it_trains(tmp_path):
    text = NET.replace("4 * size * size", "5")
    assert refused(tmp_path, text).startswith(f"{tmp_path / 'model.py'}, line 15: RuntimeError: ")


def test_a_name_that_is_not_there_yet_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(looking, "_looked", None)
    text = NET.replace("class Net", "class Network").replace("Net()", "Network()")
    assert refused(tmp_path, text) == f"{tmp_path / 'model.py'} has no Net: it has Network."


def test_it_is_run_again_only_after_a_change(tmp_path):
    name = network(tmp_path, f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n{NET}")
    looking.look(name, (1, 8, 8), 3)
    looking.look(name, (1, 8, 8), 3)
    assert (tmp_path / "runs").read_text() == "x"
