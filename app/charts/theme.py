"""The colours, fonts and lines of the page: for the figures, and for the CSS as variables."""

from typing import Literal

Scheme = Literal["light", "dark"]

FONT = "Inter, system-ui, sans-serif"
TRANSPARENT = "rgba(0,0,0,0)"

# One meaning a colour, in both schemes. They are also read as text on `panel`, so they have the
# contrast with it that AA asks for: 4.5, and 3 for `val`, which is read as large text only.
COLOURS: dict[Scheme, dict[str, str]] = {
    "light": {
        "page": "#f8f9fa",
        "panel": "#ffffff",
        "line": "#dee2e6",
        "ink": "#212529",
        "faint": "#6c757d",
        "train": "#1971c2",
        "val": "#d9480f",
        "level": "#7048e8",
        "lr": "#087f5b",
        "cut": "#e03131",
        "grid": "#edf0f2",
        "axis": "#ced4da",
    },
    "dark": {
        "page": "#141517",
        "panel": "#242424",
        "line": "#3b3d40",
        "ink": "#e4e5e7",
        "faint": "#9a9ea4",
        "train": "#4dabf7",
        "val": "#ffa94d",
        "level": "#9775fa",
        "lr": "#63e6be",
        "cut": "#ff8787",
        "grid": "#2f3134",
        "axis": "#4a4d52",
    },
}

# The same in both schemes: `neutral` marks what is no cut, `accent` is the logo's and the focus's.
# A mark is drawn with its own colour, so it must be readable before and after a switch.
SHARED = {"neutral": "#868e96", "accent": "#12b886"}

HAIR, THIN, CURVE, BOLD = 1.0, 1.5, 2.0, 2.5
DASHED, DOTTED, DASH_DOTTED = "dash", "dot", "dashdot"


def colours(scheme: Scheme) -> dict[str, str]:
    """Every colour of a scheme by its meaning."""
    return COLOURS[scheme] | SHARED


def css() -> str:
    """The colours and the font as custom properties (`--train`, ...), in both schemes."""
    blocks = {
        ":root": colours("light") | {"font": FONT},
        ':root[data-mantine-color-scheme="dark"]': COLOURS["dark"],
    }
    return "\n".join(
        f"{selector} {{ {' '.join(f'--{name}: {value};' for name, value in properties.items())} }}"
        for selector, properties in blocks.items()
    )
