"""The colours, fonts and lines of the page, for the figures and, as variables, for the CSS."""

from typing import Literal

Scheme = Literal["light", "dark"]

FONT = "Inter, system-ui, sans-serif"
TRANSPARENT = "rgba(0,0,0,0)"

# One meaning per colour, in both schemes; those of CATEGORICAL have none. They are also used for
# text on `panel`, so they have the contrast that AA requires, 4.5; but for the last four, the ends
# of the one sequential scale (see `app.charts.shades`) and what is written on them.
COLOURS: dict[Scheme, dict[str, str]] = {
    "light": {
        "page": "#f8f9fa",
        "panel": "#ffffff",
        "line": "#dee2e6",
        "ink": "#212529",
        "faint": "#646c74",
        "train": "#1971c2",
        "val": "#c2410c",
        "level": "#7048e8",
        "lr": "#087f5b",
        "cut": "#e03131",
        "best": "#2b8a3e",
        "grid": "#edf0f2",
        "axis": "#ced4da",
        "c1": "#0b7285",
        "c2": "#a61e4d",
        "c3": "#5f3dc4",
        "c4": "#8a5200",
        "c5": "#2f6f3e",
        "c6": "#1c4fa1",
        "c7": "#9c36b5",
        "c8": "#495057",
        "worst": "#e3f1ec",
        "best-of-all": "#056b4b",
        "on-worst": "#000000",
        "on-best": "#ffffff",
    },
    "dark": {
        "page": "#141517",
        "panel": "#242424",
        "line": "#3b3d40",
        "ink": "#e4e5e7",
        "faint": "#a8acb2",
        "train": "#4dabf7",
        "val": "#ffa94d",
        "level": "#9775fa",
        "lr": "#63e6be",
        "cut": "#ff8787",
        "best": "#69db7c",
        "grid": "#2f3134",
        "axis": "#4a4d52",
        "c1": "#66d9e8",
        "c2": "#faa2c1",
        "c3": "#b197fc",
        "c4": "#f0c15c",
        "c5": "#a9e34b",
        "c6": "#74c0fc",
        "c7": "#e599f7",
        "c8": "#ced4da",
        "worst": "#1f3a31",
        "best-of-all": "#38d9a9",
        "on-worst": "#ffffff",
        "on-best": "#000000",
    },
}

# What tells runs and settings apart where they are compared: no meaning, and in this order.
CATEGORICAL = tuple(f"c{i}" for i in range(1, 9))
# Of runs behind another, whose own curves are green, orange, blue and violet: the nearest are last.
BEHIND = tuple(f"c{i}" for i in (2, 7, 4, 8, 5, 1, 3, 6))

# The same in both schemes: `neutral` is for marks that are not cuts, `accent` for logo and focus.
# A mark keeps its colour when the scheme changes, so it must be readable in both.
SHARED = {"neutral": "#868e96", "accent": "#12b886"}

HAIR, THIN, CURVE, BOLD = 1.0, 1.5, 2.0, 2.5
DASHED, DOTTED, DASH_DOTTED = "dash", "dot", "dashdot"


def colours(scheme: Scheme) -> dict[str, str]:
    """Every colour of a scheme by meaning."""
    return COLOURS[scheme] | SHARED


def of_run(i: int) -> str:
    """The colour of run `i` (from 0) among several, by meaning."""
    return CATEGORICAL[i % len(CATEGORICAL)]


def css() -> str:
    """The colours and the font as CSS custom properties (`--train`, ...), in both schemes."""
    blocks = {
        ":root": colours("light") | {"font": FONT},
        ':root[data-mantine-color-scheme="dark"]': COLOURS["dark"],
    }
    return "\n".join(
        f"{selector} {{ {' '.join(f'--{name}: {value};' for name, value in properties.items())} }}"
        for selector, properties in blocks.items()
    )
