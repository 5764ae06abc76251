"""The server answers this machine's own page, and nobody else's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.server import MAX_REQUEST_BYTES, create_app, host_name
from trainer.store.store import Store
from trainer.worker import Worker


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    store = Store(tmp_path)
    yield create_app(store, Worker(store, tmp_path)).server.test_client()
    store.close()


@pytest.mark.parametrize("host", ["127.0.0.1:8050", "localhost:8050", "[::1]:8050", "192.0.2.7"])
def test_the_page_is_served_under_this_machines_own_names(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


def test_a_name_that_was_rebound_to_this_machine_is_refused(client: FlaskClient) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("path", ["/_dash-update-component", "/live"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_post_from_another_site_is_refused(
    client: FlaskClient, headers: dict[str, str], path: str
) -> None:
    answer = client.post(path, json={}, headers=headers)
    assert answer.status_code == 403


def test_a_request_without_bounds_is_refused(client: FlaskClient) -> None:
    huge = {"inputs": "x" * MAX_REQUEST_BYTES}
    assert client.post("/_dash-update-component", json=huge).status_code == 413


def test_the_page_may_load_nothing_from_elsewhere(client: FlaskClient) -> None:
    answer = client.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "//" not in policy
    page = answer.get_data(as_text=True)
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_the_font_and_its_licence_travel_with_the_page(client: FlaskClient) -> None:
    with client.get("/assets/fonts/inter-latin.woff2") as font:
        assert font.status_code == 200
    with client.get("/assets/fonts/OFL.txt") as licence:
        assert b"SIL Open Font License" in licence.data


@pytest.mark.parametrize(
    ("host", "name"),
    [("localhost:80", "localhost"), ("[::1]:80", "::1"), ("A.example", "a.example")],
)
def test_a_host_header_is_read_without_its_port(host: str, name: str) -> None:
    assert host_name(host) == name
