"""A picture of runs as a PNG, rendered from its SVG in the page's font."""

import re
from collections.abc import Sequence

from app.paths import assets_folder
from app.picture.drawn import Drawn
from app.picture.svg import Look, svg

FONTS = ("inter-latin-400.ttf", "inter-latin-600.ttf")
# Letters that the font does not have; for them the fonts of the system are loaded too.
LATIN = "\x20-\x7e\xa0-\xff\u2013\u2014\u2018-\u201a\u201c-\u201e\u2022\u2026\u2212"
OTHERS = re.compile(rf"[^\n{LATIN}]")


def png(runs: Sequence[Drawn], look: Look) -> bytes:
    """A picture of one run, or of several laid over one another, as one file."""
    import resvg_py

    drawn = svg(runs, look)
    fonts = [str(assets_folder() / "fonts" / name) for name in FONTS]
    rendered = resvg_py.svg_to_bytes(
        svg_string=drawn,
        font_files=fonts,
        skip_system_fonts=OTHERS.search(drawn) is None,
        font_family="Inter",
        sans_serif_family="Inter",
    )
    return bytes(rendered)
