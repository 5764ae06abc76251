"""The downloads: every form of a run, guarded like the page, refused in a sentence."""

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.access import Access
from app.exporting import FORMS, address
from app.formats import FORMATS, content
from app.server import create_app
from tests.exported import Runs, runs, store
from trainer.store.store import Store
from trainer.worker import Worker

__all__ = ["runs", "store"]


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[FlaskClient]:
    with create_app(store, Worker(store, tmp_path)).server.test_client() as client:
        yield client


def test_every_form_has_a_download() -> None:
    assert list(FORMS) == list(FORMATS)


@pytest.mark.parametrize("form", FORMATS)
def test_a_download_is_what_lrscope_export_writes(
    client: FlaskClient, store: Store, runs: Runs, form: str
) -> None:
    answer = client.get(address([runs.parent], form))
    assert answer.status_code == 200
    told, found = content(FORMATS[form], store, [runs.parent]), answer.data
    name = re.fullmatch(
        'attachment; filename="([a-z0-9.-]+)"', answer.headers["Content-Disposition"]
    )
    assert name is not None
    if FORMATS[form].in_folder:
        archive = zipfile.ZipFile(io.BytesIO(found))
        (file,) = archive.namelist()
        assert file == "lrscope-run-1/run-1/events.out.tfevents.lrscope"
        found = archive.read(file)
    else:
        assert name[1] == f"lrscope-run-1.{FORMATS[form].file.rpartition('.')[2]}"
    assert found == (told.encode() if isinstance(told, str) else told)


def test_runs_that_need_a_file_each_are_a_zip(client: FlaskClient, runs: Runs) -> None:
    answer = client.get(address([runs.parent, runs.fork, runs.parent], "config"))
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert archive.namelist() == ["lrscope-runs-1-2/run-1.toml", "lrscope-runs-1-2/run-2.toml"]
    assert 'filename="lrscope-runs-1-2-config.zip"' in answer.headers["Content-Disposition"]
    one = client.get(address([runs.parent, runs.fork], "svg", "dark"))
    assert one.content_type.startswith("image/svg+xml")


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("format=csv", 400, "Name 1 to 100 runs by their numbers, such as run=3."),
        ("run=x&format=csv", 400, "Name 1 to 100 runs by their numbers, such as run=3."),
        ("run=-1&format=csv", 400, "Name 1 to 100 runs by their numbers, such as run=3."),
        ("&".join(f"run={i}" for i in range(1, 102)), 400, "Name 1 to 100 runs by their"),
        ("run=1", 400, "Name a format: script, notebook, config, csv, "),
        ("run=1&format=../../etc", 400, "Name a format: script, "),
        ("run=1&format=svg&theme=blue", 400, "A theme is light or dark."),
        ("run=77&format=csv", 400, "There is no run 77."),
        ("run=77&format=png", 400, "There is no run 77."),
        ("run=4&format=script", 400, "Run 4 was imported"),
        (f"run={10**17}&format=html", 400, "There is no run 1000"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    client: FlaskClient, query: str, code: int, said: str
) -> None:
    answer = client.get(f"/export?{query}")
    assert (answer.status_code, len(answer.text.splitlines())) == (code, 1)
    assert answer.text.startswith(said)
    assert "Content-Disposition" not in answer.headers


def test_another_site_and_one_without_the_token_are_refused(store: Store, tmp_path: Path) -> None:
    where = address([1], "csv")

    def status(access: Access, **headers: str) -> Any:
        app = create_app(store, Worker(store, tmp_path), access)
        with app.server.test_client() as client:
            return client.get(where, headers=headers).status_code

    assert status(Access()) == 200
    assert status(Access(), **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert status(Access(), Host="evil.example") == 403
    assert status(Access(token="secret")) == 403
    assert status(Access(token="secret"), **{"Sec-Fetch-Mode": "navigate"}) == 403


def test_a_store_that_cannot_be_read_is_told_of(tmp_path: Path, runs: Runs) -> None:
    with closing(Store(tmp_path / "other")) as other:
        app = create_app(other, Worker(other, tmp_path))
        with app.server.test_client() as client:
            answer = client.get(address([runs.parent], "csv"))
    assert (answer.status_code, answer.text) == (400, "There is no run 1.\n")
