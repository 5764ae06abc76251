"""A run's notebook is a valid one, and its code is the script's."""

import json

import pytest

from tests.export.scripts import output, parsed, quick, recorded, trained
from tests.small import SCHEDULES
from trainer.export.error import ExportError
from trainer.export.notebook import notebook
from trainer.export.script import script


def test_its_cells_in_order_give_the_numbers(store, root):
    run = trained(store, quick(schedule=SCHEDULES["plateau"]), root)
    cells = json.loads(notebook(store, run))["cells"]
    code = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    code = code.replace('root = "data"', f"root = {str(root)!r}")
    out, err = output(code)
    *epochs, test = out.splitlines()
    assert not err
    assert parsed("\n".join(epochs), test) == recorded(store, run)


def test_its_code_is_the_scripts(store):
    run = store.add(quick(dataset="digits"))
    text = script(store, run)
    for cell in json.loads(notebook(store, run))["cells"]:
        if cell["cell_type"] == "code":
            assert "".join(cell["source"]) in text


def test_it_is_a_notebook(store):
    nbformat = pytest.importorskip("nbformat")
    for dataset in ("digits", "mnist"):
        read = nbformat.reads(notebook(store, store.add(quick(dataset=dataset))), as_version=4)
        nbformat.validate(read)
        assert len({cell.id for cell in read.cells}) == len(read.cells)


def test_what_has_no_script_has_no_notebook(store):
    with pytest.raises(ExportError, match="There is no run 1"):
        notebook(store, 1)
