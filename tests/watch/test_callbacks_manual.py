"""The examples of the page on callbacks, run as a user runs them."""

import re
from pathlib import Path

import pytest

from tests.forked import finished
from tests.watch.epochs import ending, metrics
from tests.watch.spools import line

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "app" / "CALLBACKS.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^## (\w+)\n+```python\n(.*?)^```$", PAGE, flags=re.M | re.S))
LIBRARIES = ["lightning", "transformers", "keras", "skorch", "ignite"]
AS_INSTALLED = "import sys; from trainer import watch; sys.modules['lrscope'] = watch\n"


def test_each_library_has_an_example_of_about_ten_lines():
    assert [title.lower() for title in EXAMPLES] == LIBRARIES
    statements = [
        [row for row in code.splitlines() if row and not re.match("import|from", row)]
        for code in EXAMPLES.values()
    ]
    assert max(map(len, statements)) <= 11


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_example_trains_and_is_watched(tmp_path, monkeypatch, library):
    pytest.importorskip(library)
    code = next(code for title, code in EXAMPLES.items() if title.lower() == library)
    monkeypatch.chdir(tmp_path)
    environment = {"LRSCOPE_HOME": str(tmp_path)}
    done = finished("-c", AS_INSTALLED + code, environment=environment)
    assert done.returncode == 0, done.stderr
    assert "LRScope" not in done.stderr
    assert line(tmp_path, "start")["epochs"] == 5
    assert [{"train_loss", "val_loss"} <= set(epoch) for epoch in metrics(tmp_path)] == [True] * 5
    assert ending(tmp_path) == ("finished", None)
