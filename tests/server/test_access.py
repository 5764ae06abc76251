"""The server answers this machine's own page, or whoever knows the token, and nobody else."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.access import MAX_BODY_BYTES, NO_TOKEN, Access, access_for, host_name, is_loopback
from app.server import _digest, create_app
from trainer.store.store import Store
from trainer.worker import Worker

ELSEWHERE = "192.0.2.7:8050"
TOKEN = "right"
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


def client_of(store: Store, access: Access) -> FlaskClient:
    client: FlaskClient = create_app(store, Worker(store, store.home), access).server.test_client()
    return client


@pytest.fixture
def client(store: Store) -> FlaskClient:
    return client_of(store, Access())


@pytest.fixture
def with_token(store: Store) -> FlaskClient:
    return client_of(store, Access(token=TOKEN))


@pytest.mark.parametrize("host", ["127.0.0.1:8050", "localhost:8050", "[::1]:8050", "192.0.2.7"])
def test_the_page_is_served_under_this_machines_own_names(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "127.0.0.1@evil"])
def test_a_name_that_was_rebound_to_this_machine_is_refused(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("path", ["/_dash-update-component", "/live"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "https://localhost"},
        {"Origin": "localhost"},
        {"Origin": "http://localhost:8051"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        LINK,
    ],
)
def test_a_post_from_another_site_is_refused(
    client: FlaskClient, headers: dict[str, str], path: str
) -> None:
    answer = client.post(path, json={}, headers=headers)
    assert answer.status_code == 403
    assert answer.get_data(as_text=True) == "LRScope does not answer other sites.\n"


def test_a_link_on_another_site_opens_the_page(client: FlaskClient) -> None:
    elsewhere = {**LINK, "Referer": "https://wiki.example/page"}
    assert client.get("/?lr=0.02", headers=elsewhere).status_code == 200


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("/", {"Sec-Fetch-Dest": "iframe"}),
        ("/", {"Sec-Fetch-Mode": "no-cors"}),
        ("/_dash-layout", {}),
        ("/assets/page.js", {}),
    ],
)
def test_another_site_gets_nothing_else(
    client: FlaskClient, path: str, changed: dict[str, str]
) -> None:
    assert client.get(path, headers={**LINK, **changed}).status_code == 403


def test_a_layout_which_is_of_the_page_that_asks_is_not_kept(client: FlaskClient) -> None:
    assert client.get("/_dash-layout").headers["Cache-Control"] == "no-store"


def test_a_file_of_the_page_is_kept_at_an_address_that_its_content_gives(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def addresses() -> list[str]:
        return re.findall('"(/assets/[^"]*[.](?:js|css)[^"]*)"', client.get("/").text)

    before = addresses()
    assert len(before) > 10
    for address in before:
        with client.get(address) as answer:
            assert answer.status_code == 200
            assert "immutable" in answer.headers["Cache-Control"]
    with client.get("/assets/page.js") as answer:
        assert "immutable" not in answer.headers["Cache-Control"]
    monkeypatch.setattr(Path, "read_bytes", lambda path: f"another {path.name}".encode())
    _digest.cache_clear()
    assert not {*before} & {*addresses()}
    _digest.cache_clear()


def test_no_page_may_frame_this_one(client: FlaskClient) -> None:
    headers = client.get("/").headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"


def test_an_unknown_page_leads_back_to_each_view(client: FlaskClient) -> None:
    answer = client.get("/<script>alert(1)</script>?<b>")
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert "There is no such page here." in answer.text
    assert re.findall('<a href="(.*?)">(.*?)</a>', answer.text) == [
        ("/", "Lab"), ("/runs", "Runs"), ("/compare", "Compare"), ("/sweep", "Sweep"),
    ]  # fmt: skip
    assert "alert" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_request_without_bounds_is_refused(client: FlaskClient) -> None:
    huge = {"inputs": "x" * MAX_BODY_BYTES}
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


# The token


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "LocalHost", "::1"])
def test_a_server_for_this_machine_alone_asks_for_no_token(host: str) -> None:
    assert is_loopback(host)
    assert access_for(host, None).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "fe80::1", "lab.example", "", "*"])
def test_on_any_other_host_a_token_is_asked_for(host: str) -> None:
    tokens = {access_for(host, None).token for _ in range(10)}
    assert None not in tokens
    assert len(tokens) == 10
    assert min(len(token or "") for token in tokens) >= 40


def test_a_token_is_given_up_and_asked_for_in_words() -> None:
    assert access_for("0.0.0.0", False).token is None
    assert access_for("127.0.0.1", True).token is not None


def test_without_a_token_names_are_limited(store: Store) -> None:
    client = client_of(store, access_for("lab.example", False))
    assert client.get("/", headers={"Host": "lab.example:8050"}).status_code == 200
    assert client.get("/", headers={"Host": ELSEWHERE}).status_code == 200
    assert client.get("/", headers={"Host": "evil.example:8050"}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/?token=wrong", "/?token=", "/?token=%ff", "/?lr=1"])
def test_without_the_token_the_page_says_what_to_do(with_token: FlaskClient, path: str) -> None:
    answer = with_token.get(path, headers={"Host": ELSEWHERE})
    assert answer.status_code == 403
    assert NO_TOKEN in answer.get_data(as_text=True)
    assert "token=" not in answer.get_data(as_text=True)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD", "PUT"])
@pytest.mark.parametrize(
    "path", ["/_dash-layout", "/_dash-update-component", "/live", "/assets/page.js", "/nonsense"]
)
@pytest.mark.parametrize("query", ["", "?token=right"])
def test_without_the_token_every_path_is_refused(
    with_token: FlaskClient, method: str, path: str, query: str
) -> None:
    answer = with_token.open(path + query, method=method, json={}, headers={"Host": ELSEWHERE})
    assert answer.status_code == 403
    assert method == "HEAD" or answer.get_data(as_text=True) == f"{NO_TOKEN}\n"


def test_the_link_is_exchanged_for_a_cookie(with_token: FlaskClient) -> None:
    answer = with_token.get(f"/?lr=0.02&token={TOKEN}&epochs=9", headers={"Host": ELSEWHERE})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/?lr=0.02&epochs=9")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("lrscope-8050=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie

    shown = {"Host": ELSEWHERE, "Cookie": cookie.partition(";")[0]}
    anonymous = with_token.application.test_client(use_cookies=False)
    assert anonymous.get("/", headers=shown).status_code == 200
    assert anonymous.get("/?token=old", headers=shown).headers["Location"] == "/"
    # A server on another port of this host has its own cookie.
    assert anonymous.get("/", headers={**shown, "Host": "192.0.2.7:8051"}).status_code == 403


@pytest.mark.parametrize(
    "cookie", ["", "lrscope-8050", "lrscope-8050=", "lrscope-8050=wrong", "lrscope-8050=ri\xefght"]
)
def test_a_wrong_cookie_opens_nothing(with_token: FlaskClient, cookie: str) -> None:
    answer = with_token.get("/_dash-layout", headers={"Host": ELSEWHERE, "Cookie": cookie})
    assert answer.status_code == 403


def test_with_the_token_any_name_will_do_but_no_other_site(with_token: FlaskClient) -> None:
    known = {"Host": "lab.example:8050", "Cookie": f"lrscope-8050={TOKEN}"}
    anonymous = with_token.application.test_client(use_cookies=False)
    assert anonymous.get("/", headers=known).status_code == 200
    for origin in ("http://evil.example", "https://lab.example:8050", "http://lab.example"):
        other = {**known, "Origin": origin}
        assert anonymous.post("/live", json={}, headers=other).status_code == 403
