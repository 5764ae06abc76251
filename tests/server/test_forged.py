"""What the page cannot have sent is refused in a line: never a 500, nothing in the log."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dash import Dash
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from app import ids
from app.lab.whole import view_of
from app.server import create_app
from tests.small import run, small
from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS
from trainer.curves.csv import read
from trainer.curves.importing import import_curve
from trainer.engine.control import Control
from trainer.store.store import Store
from trainer.worker import Worker

CALLBACKS = "/_dash-update-component"
HUGE = 10**40


class Log(logging.Handler):
    """Everything of a warning's weight or more."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class Loaded(Worker):
    """A worker that trains nothing, with torch loaded."""

    def loaded(self, timeout: float = 0.0) -> bool:  # noqa: ARG002
        return True


class Forge:
    """An app over a store with runs of each kind, and a client that sends it anything."""

    def __init__(self, home: Path) -> None:
        self.store = Store(home)
        (home / "losses.csv").write_text("1,0.5\n2,0.4\n3,0.45\n")
        import_curve(self.store, read(home / "losses.csv"), {})
        trained, control = small(batch_size=512, epochs=3), Control()
        control.ask("scale", 0.5)
        parent = self.store.add(trained, claimed=True)
        for event in run(trained, control=control):
            self.store.record(parent, event)
        self.store.add(small(lr=0.02), parent=(parent, 1))
        self.store.add(RunConfig())
        self.app: Dash = create_app(self.store, Loaded(self.store, home))
        self.client: FlaskClient = self.app.server.test_client()
        self.client.get("/")
        self.log = Log()
        logging.getLogger().addHandler(self.log)

    def callbacks(self) -> dict[str, Any]:
        return {k: v for k, v in self.app.callback_map.items() if "callback" in v}

    def send(self, body: Any) -> int:
        """Send a callback request; returns the status of its well-behaved answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask(CALLBACKS, "POST", data=data, content_type="application/json")

    def ask(self, path: str, method: str = "GET", **request: Any) -> int:
        """Send a request; returns the status of its well-behaved answer."""
        self.log.lines.clear()
        with self.client.open(path, method=method, **request) as answer:
            assert answer.status_code < 500, self.log.lines
            assert answer.status_code < 400 or answer.get_data(as_text=True).count("\n") == 1
        assert self.log.lines == []
        return int(answer.status_code)


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    forge = Forge(tmp_path_factory.mktemp("home"))
    yield forge
    logging.getLogger().removeHandler(forge.log)
    forge.store.close()


text = st.text(max_size=8) | st.sampled_from(
    ["1", "2", "3", "4", "99", "0", "-1", "1e-3", "nan", str(HUGE), "\ud800", "\0", "../x.csv",
     "what-if", "family", "max", "plateau", "ReduceLROnPlateau", "StepLR", "SGD", "patience",
     "factor", "epochs", "?lr=0.02", "?lr=x", "?epochs=9&schedule=StepLR", "a.csv",
     "data:,MSwyCg==", "Default: plateau on digits"]
)  # fmt: skip
whole = st.sampled_from([0, 1, 2, 3, 5, -1, HUGE, 2**63, 2**63 - 1]) | st.integers()
scalars = st.none() | st.booleans() | whole | st.floats() | text
junk = st.recursive(
    scalars,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(text, parts, max_size=3),
    max_leaves=6,
)
settings = st.dictionaries(
    st.sampled_from([setting.key for setting in SETTINGS]) | text, scalars, max_size=4
)
forks = st.fixed_dictionaries(
    {"run": whole, "epoch": whole, "before": st.none() | text, "values": settings}
)
results = st.fixed_dictionaries(
    {
        "run": whole,
        "values": settings,
        "first": st.none() | whole,
        "stale_map": st.booleans(),
    }
)
# Of the right type, so that it comes as far as a callback.
plausible = {
    ids.RUN: st.sampled_from(["1", "2", "3", "4", "99", None]),
    ids.TAB: st.sampled_from(["what-if", "family", "events"]),
    ids.FORK_OF: st.none() | forks,
    ids.WHAT_IF: st.none() | results,
    ids.POINTED: st.none() | whole,
    ids.BEGUN: whole,
    ids.IMPORT_FILE: text,
}


values = junk | forks | results


@st.composite
def filled(draw: st.DrawFn, wanted: dict[str, str], fields: list[dict[str, str]]) -> Any:
    """What a request may send for one of a callback's inputs."""
    own = wanted["id"]
    pattern = json.loads(own) if own.startswith("{") else None
    if pattern is None or not any(isinstance(part, list) for part in pattern.values()):
        return {
            "id": pattern or own,
            "property": wanted["property"],
            "value": draw(st.one_of(plausible.get(own, text), plausible.get(own, text), values)),
        }
    if pattern.get("type", "").endswith("-field"):
        found = [{**field, "type": pattern["type"]} for field in fields]
    else:
        found = [
            {key: draw(text | whole) if isinstance(part, list) else part
             for key, part in pattern.items()}
            for _ in range(2)
        ]  # fmt: skip
    return [
        {
            "id": identity,
            "property": wanted["property"],
            "value": identity if wanted["property"] == "id" else draw(text | text | values),
        }
        for identity in found
    ]


def named(part: dict[str, Any]) -> str:
    own = part["id"]
    if isinstance(own, dict):
        own = json.dumps(own, sort_keys=True, separators=(",", ":"))
    return f"{own}.{part['property']}"


def outputs_of(draw: st.DrawFn, output: str) -> Any:
    names = output.strip(".").split("...") if output.startswith("..") else [output]
    parts = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    for part in parts:  # as the page sends it
        if part["id"].startswith("{") and draw(st.integers(0, 3)):
            part["id"] = json.loads(part["id"])
    return parts if output.startswith("..") else parts[0]


@st.composite
def requests(draw: st.DrawFn, callbacks: dict[str, Any]) -> dict[str, Any]:
    """A request of a registered callback's form, with any values."""
    output = draw(st.sampled_from(sorted(callbacks)))
    callback = callbacks[output]
    fields = draw(
        st.lists(
            st.sampled_from([{"key": s.key, "owner": s.owner or ""} for s in SETTINGS])
            | st.fixed_dictionaries({"key": text, "owner": text}),
            max_size=4,
        )
    )
    inputs = [draw(filled(wanted, fields)) for wanted in callback["inputs"]]
    state = [draw(filled(wanted, fields)) for wanted in callback["state"]]
    sent = [named(p) for item in inputs for p in (item if isinstance(item, list) else [item])]
    return {
        "output": output,
        "outputs": None if callback["no_output"] else outputs_of(draw, output),
        "inputs": inputs,
        "state": state,
        "changedPropIds": draw(st.lists(st.sampled_from(sent), max_size=1)) if sent else [],
    }


OK = {200, 204}


@given(st.data())
def test_forged_callback_requests(forge: Forge, data: st.DataObject) -> None:
    body = data.draw(requests(forge.callbacks()))
    key = data.draw(st.sampled_from(sorted(body)))
    change = data.draw(st.sampled_from(["none", "none", "remove", "replace", "repeat", "inside"]))
    if change == "remove":
        del body[key]
    elif change == "replace":
        body[key] = data.draw(values)
    elif change == "repeat" and isinstance(body[key], list):
        body[key] *= 2
    elif change == "inside" and isinstance(body[key], list) and body[key]:
        body[key][0] = data.draw(junk)
    assert forge.send(body) in OK | {400}


@pytest.mark.parametrize("body", [None, 1, "x", [], {}, {"output": {}}, {"output": "view.data"}])
def test_another_json_than_a_callback_request(forge: Forge, body: Any) -> None:
    assert forge.send(body) == 400


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[" * 200_000, b'{"output": "\\ud800"}', b"1" * 5000, b'"' + b"x" * 100],
    ids=["empty", "half", "not UTF-8", "deep", "half a character", "long number", "no end"],
)
def test_a_callback_request_that_is_not_json(forge: Forge, body: bytes) -> None:
    assert forge.send(body) == 400


def test_a_callback_of_the_browser_is_not_the_servers(forge: Forge) -> None:
    only_browser = [k for k, v in forge.app.callback_map.items() if "callback" not in v]
    assert only_browser
    for output in only_browser:
        assert forge.send({"output": output, "inputs": [], "state": []}) == 400


def test_a_button_that_the_page_does_not_have(forge: Forge) -> None:
    clicked = {
        "id": {"type": "by-hand", "name": "explode", "value": "1"},
        "property": "n_clicks",
        "value": 1,
    }
    body = {
        "output": "refused.children",
        "outputs": {"id": "refused", "property": "children"},
        "inputs": [[clicked]],
        "state": [{"id": "run", "property": "value", "value": "2"}],
        "changedPropIds": [named(clicked)],
    }
    assert forge.send(body) == 400
    assert forge.send({**body, "inputs": [[]]}) == 400  # it was not among the inputs
    assert "explode" not in [command.name for command in forge.store.commands(2)]


@given(
    st.dictionaries(
        st.sampled_from(["run", "view", "epoch", "intervention", "token", "begun", "follows"]),
        junk | whole,
    )
)
def test_any_cursor(forge: Forge, forged: dict[str, Any]) -> None:
    cursor = {**view_of(forge.store, 2, 0)["cursor"], **forged}
    assert forge.ask("/live", "POST", data=json.dumps(cursor)) in OK | {400}


@pytest.mark.parametrize("key", ["run", "epoch", "intervention", "begun"])
@pytest.mark.parametrize("number", [HUGE, 2**63, -HUGE, "1" * 5000])
def test_a_huge_number_in_a_cursor(forge: Forge, key: str, number: Any) -> None:
    cursor = {**view_of(forge.store, 2, 0)["cursor"], key: number}
    assert forge.ask("/live", "POST", data=json.dumps(cursor)) == 400


@pytest.mark.parametrize(
    "path",
    [
        "/_dash-component-suites/nonsense/a.js",
        "/_dash-component-suites/dash/../dash.py",
        "/_dash-component-suites/dash/%00",
        "/_dash-component-suites/os/path.py",
        "/_dash-component-suites/dash_mantine_components/nonsense.js",
        "/_mcp",
        "/nonsense",
        "/assets/%00",
        "/assets/%ff",
        "/assets/..%2fapp/server.py",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/%ff%fe",
        "/live/",
        "/" + "a" * 5000,
    ],
)
def test_an_unknown_path(forge: Forge, path: str) -> None:
    assert forge.ask(path) == 404


@pytest.mark.parametrize("path", ["/", "/live", CALLBACKS, "/_dash-layout", "/nonsense"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW", "POST"])
def test_a_strange_method(forge: Forge, method: str, path: str) -> None:
    assert forge.ask(path, method) >= 400


@pytest.mark.parametrize("address", ["http://[", "http://[::1", "http://[x]y/?lr=1"])
def test_a_malformed_referrer(forge: Forge, address: str) -> None:
    assert forge.ask("/_dash-layout", headers={"Referer": address}) == 400


latin = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30)
headers = st.dictionaries(
    st.sampled_from(
        ["Referer", "Cookie", "Accept", "Accept-Encoding", "Range", "If-None-Match", "If-Range",
         "If-Modified-Since", "Content-Type", "Content-Encoding", "Authorization", "Connection",
         "Accept-Language", "X-Forwarded-For", "Cache-Control"]
    ),
    latin | st.sampled_from(["http://[", '=;=;\\"', '"\\999"', "bytes=9-1", 'a="\\', "W/"]),
    max_size=3,
)  # fmt: skip


@given(
    headers,
    st.sampled_from(
        ["/", "/?lr=0.02", "/_dash-layout", "/_dash-dependencies", "/assets/page.css", "/live",
         CALLBACKS]
    ),
)  # fmt: skip
def test_any_headers(forge: Forge, headers: dict[str, str], path: str) -> None:
    forge.ask(path, "POST" if path in ("/live", CALLBACKS) else "GET", headers=headers, data=b"{}")


@pytest.mark.parametrize(
    "query", ["lr=%ff", "lr=nan", f"epochs={HUGE}", "=", "&&&", "schedule=x", "%00=1", "lr=1&lr=2"]
)
def test_strange_settings_in_the_address(forge: Forge, query: str) -> None:
    page = f"http://localhost/?{query}"
    assert forge.ask("/_dash-layout", headers={"Referer": page}) == 200
