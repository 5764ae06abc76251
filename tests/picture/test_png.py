"""The PNG of runs: of its size, in LRScope's own font."""

import struct

import resvg_py

from app.paths import assets_folder
from app.picture.drawn import drawn
from app.picture.png import FONTS, OTHERS, png
from app.picture.svg import Look
from tests.exported import Runs
from trainer.store.store import Store


def test_it_has_the_size_that_was_asked_for(runs: Runs, store: Store) -> None:
    made = png([drawn(store, runs.parent)], Look(640, 400, "dark"))
    assert made[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", made[16:24]) == (640, 400)
    assert made == png([drawn(store, runs.parent)], Look(640, 400, "dark"))


def rendered(letter: str, weight: int) -> bytes:
    text = f'<text y="20" font-family="Inter" font-weight="{weight}">{letter}</text>'
    root = f'<svg xmlns="http://www.w3.org/2000/svg" width="30" height="30">{text}</svg>'
    fonts = [str(assets_folder() / "fonts" / name) for name in FONTS]
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=root,
            font_files=fonts,
            skip_system_fonts=True,
        )
    )


def test_the_font_has_every_letter_for_which_no_other_is_loaded() -> None:
    nothing, unknown = rendered("", 400), rendered("\u5b66", 400)
    letters = [chr(code) for code in range(0x21, 0x2300) if not OTHERS.match(chr(code))]
    assert len(letters) > 180
    for letter in set(letters) - set("<&\xa0\xad"):
        for weight in (400, 600):
            assert rendered(letter, weight) not in (nothing, unknown), letter
    assert rendered("a", 400) != rendered("a", 600)


def test_the_fonts_are_small() -> None:
    sizes = [(assets_folder() / "fonts" / name).stat().st_size for name in FONTS]
    assert sum(sizes) < 120_000
