"""The elements of an SVG as text. Pure."""

import re
from html import escape
from typing import Any

from trainer.config.text import plain

WIDE = 0.52  # of a letter, in its font's size
NOT_XML = re.compile("[\ufffe\uffff]")


def element(name: str, content: str = "", **attributes: Any) -> str:
    """An element; attributes that are None are left out, and an underscore is a hyphen."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{told}>{content}</{name}>" if content else f"<{name}{told}/>"


def _value(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else escape(str(value))


def text(x: float, y: float, words: str, colour: str, **attributes: Any) -> str:
    """Words at a place, whatever they contain: markup in them is text."""
    return element("text", safe(words), x=round(x, 1), y=round(y, 1), fill=colour, **attributes)


def safe(words: str) -> str:
    """Words as the content of an element, without what XML cannot have."""
    return escape(NOT_XML.sub("\ufffd", plain(words)), quote=False)


def shortened(words: str, width: float, size: float = 12) -> str:
    """Words cut to a width in pixels, about."""
    most = max(int(width / (WIDE * size)), 1)
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"


def width(words: str, size: float = 12) -> float:
    """The width of words in pixels, about."""
    return WIDE * size * len(words)
