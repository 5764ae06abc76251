"""A run as a Jupyter notebook: the script of the run in cells."""

import json
from typing import Any

from ..store.store import Store
from .course import course


def notebook(store: Store, run: int) -> str:
    """The text of a notebook (nbformat 4.5) with the code of `trainer.export.script.script`, a cell
    for each part.

    Raises:
        ExportError: there is no such run, or it was not trained here.
    """
    from .sections import Form, about, sections, title

    form = Form(
        root=['root = "data"  # the folder of the data sets; what is missing there is downloaded'],
        test='print("test", test_loss, test_accuracy)',
    )
    past = course(store, run)
    cells = [_cell("markdown", "about", "\n\n".join([f"# {title(past)}", *about(past)]))]
    for part in sections(past, form):
        number = part.title.split()[0].lower()
        heading = f"## {part.title}" + (f"\n\n{part.about}" if part.about else "")
        cells.append(_cell("markdown", f"{number}-title", heading))
        cells.append(_cell("code", number, part.code))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, name: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": name,
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})
