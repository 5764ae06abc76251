"""Each colour and each id of the page has one home, however many languages use it."""

import ast
import re
from pathlib import Path

import pytest

from app import ids
from app.charts import theme
from app.lab.cards import CARDS

ROOT = Path(__file__).parents[1]
PYTHON = sorted((ROOT / "app").rglob("*.py"))
CSS = sorted((ROOT / "assets").rglob("*.css"))
SCRIPTS = sorted((ROOT / "assets").rglob("*.js"))

COLOUR = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})\b(?!-)|\b(?:rgb|hsl)a?\(", re.I)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def colours(text: str) -> list[str]:
    return COLOUR.findall(text)


@pytest.mark.parametrize(
    "path", [p for p in PYTHON if p != Path(theme.__file__)] + CSS + SCRIPTS, ids=name
)
def test_no_colour_is_written_outside_the_theme(path: Path) -> None:
    assert colours(read(path)) == []


@pytest.mark.parametrize("text", ["#fff", "'#1971C2'", "#1971c222;", "rgba(0, 0, 0, 0)", "hsl(9"])
def test_a_colour_outside_the_theme_would_be_found(text: str) -> None:
    assert colours(text) != []


def test_both_schemes_colour_the_same_things() -> None:
    assert theme.COLOURS["light"].keys() == theme.COLOURS["dark"].keys()
    assert not theme.COLOURS["light"].keys() & theme.SHARED.keys()


# Set from JavaScript, or by a rule beside its use; Mantine's own are not ours to define.
LOCAL = {
    "gap",
    "answered",
    "mark",
    "bad",
    "patience",
    "digits",
    "number",
    "input-height",
    "input-size",
    "section-size",
    "hue",
    "share",
    "shade",
    "light",
    "dark",
    "mantine-color-teal-9",
}


@pytest.mark.parametrize("path", CSS, ids=name)
def test_css_uses_no_variable_that_the_theme_does_not_write(path: Path) -> None:
    used = set(re.findall(r"var\(--([\w-]+)", read(path)))
    assert used - LOCAL <= theme.colours("light").keys() | {"font"}


def test_scripts_ask_for_no_colour_that_the_theme_does_not_have() -> None:
    asked = re.findall(r'\.colour\("([\w-]+)"\)', "".join(map(read, SCRIPTS)))
    assert asked
    assert set(asked) <= theme.colours("light").keys()


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(c * share for c, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize("scheme", theme.COLOURS)
@pytest.mark.parametrize(
    "meaning", ["ink", "faint", "train", "val", "level", "lr", "cut", *theme.CATEGORICAL]
)
def test_what_is_read_has_the_contrast_that_aa_asks_for(scheme: theme.Scheme, meaning: str) -> None:
    palette = theme.colours(scheme)
    low, high = sorted(luminance(palette[key]) for key in (meaning, "panel"))
    assert (high + 0.05) / (low + 0.05) >= 4.5


CONSTANTS = {key: value for key, value in vars(ids).items() if key.isupper() and key != "ALL"}
# The ids that functions of app/ids.py make, as text.
MADE = {ids.card(card, part) for card in CARDS for part in ("value", "label", "small")}
MADE |= {ids.schedule(part) for part in ("heading", "value", "cooldown", "sentence")}
MADE |= {
    ids.group_controls(group, place)
    for group in ("schedule", "optimizer")
    for place in ("main", "more")
}
KNOWN = set(CONSTANTS.values()) | MADE

CSS_ID = re.compile(r"#([a-zA-Z][\w-]*)")
SCRIPT_ID = re.compile(
    r"""(?:\b(?:page\.set|element|getElementById|themed)\(|\.id\s*[!=]==\s*)["']([\w-]+)["']"""
    r"""|["'`,\s]#([a-zA-Z][\w-]*)"""
)


def css_ids(text: str) -> set[str]:
    return set(CSS_ID.findall(re.sub(r"/\*.*?\*/", "", text, flags=re.S)))


def script_ids(text: str) -> set[str]:
    code = re.sub(r"^\s*//.*$|\s// .*$", "", text, flags=re.M)
    return {one or other for one, other in SCRIPT_ID.findall(code)}


def of_the_page(paths: list[Path]) -> list[Path]:
    """Without those of the exported page, whose ids are its own."""
    return [path for path in paths if path.parent.name != "export"]


@pytest.mark.parametrize("path", of_the_page(CSS), ids=name)
def test_css_uses_no_id_that_the_page_does_not_have(path: Path) -> None:
    assert css_ids(read(path)) <= KNOWN


@pytest.mark.parametrize("path", of_the_page(SCRIPTS), ids=name)
def test_scripts_use_no_id_that_the_page_does_not_have(path: Path) -> None:
    assert script_ids(read(path)) <= KNOWN


def test_an_id_in_a_script_would_be_found() -> None:
    text = """
        lrscope.page.set("one", {}); page.element("two"); if (event.target.id === "three") {}
        document.querySelector("#four .x"); a.closest("input, #five"); // set("no", 1)
        `#six [data-epoch="${epoch}"]`; charts.themed("seven", figure, colours);
    """
    assert script_ids(text) == {"one", "two", "three", "four", "five", "six", "seven"}


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_no_component_is_given_an_id_that_is_not_in_its_home(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(read(path))) if isinstance(node, ast.Call)]
    written = [
        ast.unparse(keyword.value)
        for call in calls
        for keyword in call.keywords
        if keyword.arg == "id" and isinstance(keyword.value, ast.Constant | ast.JoinedStr)
    ]
    first = [
        ast.unparse(call.args[0])
        for call in calls
        if isinstance(call.func, ast.Name | ast.Attribute)
        and ast.unparse(call.func) in ("dcc.Store", "Input", "Output", "State")
        and isinstance(call.args[0], ast.Constant)
    ]
    assert written + first == []


def test_every_id_is_used() -> None:
    own = Path(ids.__file__)
    used = {
        node.attr
        for path in PYTHON
        if path != own
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ids"
    }
    functions = {
        node.name for node in ast.parse(read(own)).body if isinstance(node, ast.FunctionDef)
    }
    assert CONSTANTS.keys() | functions == used


def test_no_two_ids_are_the_same() -> None:
    assert len(set(CONSTANTS.values())) == len(CONSTANTS)
