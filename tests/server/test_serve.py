"""The command says whom its server answers, and Dash's own settings open nothing."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.lab.whole import view_of
from tests.forked import python
from trainer.store.store import Store

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(home: Path, *options: str, **environment: str) -> Iterator[tuple[str, str, Path]]:
    """A server's process: its printed address, all of its first line, and its stderr's file. With
    an environment it is a fresh interpreter, which reads it while modules load.
    """
    command = ["-m", "trainer.watch", "--no-open", "--port", "0", *options]
    command += ["--home", str(home / "home")]
    errors = home / "stderr"
    with errors.open("w") as stderr:
        process = (
            subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
            if environment
            else python(*command, stdout=subprocess.PIPE, stderr=stderr)
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        (url,) = re.findall(r"http://\S+", line) or [""]
        assert url, errors.read_text()
        yield url, line, errors
    finally:
        process.terminate()
        process.stdout.close()
        assert process.wait() == 0


def get(url: str, path: str, method: str = "GET", **headers: str) -> HTTPResponse:
    at = urlsplit(url)
    with closing(HTTPConnection(at.hostname or "", at.port, timeout=60)) as connection:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        response.read()
    return response


def test_a_server_for_others_asks_for_the_token_of_the_link(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "0.0.0.0") as (url, line, errors):
        link = urlsplit(url)
        assert re.fullmatch(r"token=[\w-]{40,}", link.query)
        assert line.count("token=") == 1
        assert get(url, "/").status == 403
        assert get(url, "/_dash-layout").status == 403
        opened = get(url, f"/?{link.query}")
        assert (opened.status, opened.headers["Location"]) == (303, "/")
        cookie = opened.headers["Set-Cookie"].partition(";")[0]
        assert get(url, "/", Cookie=cookie).status == 200
        assert get(url, "/_dash-layout", Cookie=cookie).status == 200
    assert errors.read_text() == ""


def test_a_server_without_a_token_warns(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "0.0.0.0", "--no-token") as (url, _, errors):
        assert urlsplit(url).query == ""
        assert get(url, "/").status == 200
    assert errors.read_text().startswith("lrscope: without a token, whoever can reach")
    assert errors.read_text().count("\n") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_needs_no_token(tmp_path: Path, host: str) -> None:
    with serving(tmp_path, "--host", host) as (url, _, errors):
        assert urlsplit(url).query == ""
        assert get(url, "/").status == 200
        assert get(url, "/", Host="evil.example").status == 403
    assert errors.read_text() == ""


# Dash reads them all, in either case; each opened or broke something.
SETTINGS_OF_DASH = {
    "DASH_MCP_ENABLED": "true",
    "dash_mcp_path": "live",
    "DASH_DEBUG": "true",
    "DASH_UI": "true",
    "DASH_HOT_RELOAD": "true",
    "DASH_HOT_RELOAD_INTERVAL": "soon",
    "DASH_PRUNE_ERRORS": "true",
    "DASH_URL_BASE_PATHNAME": "/a/",
    "DASH_ROUTES_PATHNAME_PREFIX": "/b/",
    "DASH_REQUESTS_PATHNAME_PREFIX": "/c/",
    "DASH_APP_NAME": "d",
    "DASH_ASSETS_EXTERNAL_PATH": "http://cdn.example/",
    "DASH_INCLUDE_ASSETS_FILES": "false",
    "DASH_COMPRESS": "true",
    "DASH_SERVE_DEV_BUNDLES": "true",
    "REACT_VERSION": "16.14.0",
}


def test_no_setting_of_dash_changes_the_page(tmp_path: Path) -> None:
    def page(url: str) -> bytes:
        at = urlsplit(url)
        with closing(HTTPConnection(at.hostname or "", at.port, timeout=60)) as connection:
            connection.request("GET", "/")
            answer = connection.getresponse()
            assert answer.status == 200
            return re.sub(rb'"end_id":"[^"]*"', b"", answer.read())  # each answer has its own

    same = {"PYTHONHASHSEED": "0"}  # Dash keeps a component's data and aria attributes in a set
    (tmp_path / "plain").mkdir()
    with serving(tmp_path / "plain", **same) as (url, _, _):
        plain = page(url)
    with serving(tmp_path, **same, **SETTINGS_OF_DASH) as (url, _, errors):
        assert page(url) == plain
        assert get(url, "/_mcp").status == 404
        assert get(url, "/_mcp", "POST").status in (404, 405)
    assert errors.read_text() == ""


@pytest.mark.parametrize(("options", "runs"), [((), 1), (("--no-example",), 0)])
def test_the_first_page_that_asks_brings_an_example_unless_it_is_not_wanted(
    tmp_path: Path, options: tuple[str, ...], runs: int
) -> None:
    with serving(tmp_path, *options) as (url, _, _), closing(Store(tmp_path / "home")) as store:
        assert get(url, "/").status == 200
        assert store.runs(2) == []
        at = urlsplit(url)
        with closing(HTTPConnection(at.hostname or "", at.port, timeout=60)) as connection:
            cursor = json.dumps(view_of(store, None, 0)["cursor"])
            connection.request("POST", "/live", cursor, {"Host": at.netloc})
            assert connection.getresponse().status == 200
        assert len(store.runs(2)) == runs
