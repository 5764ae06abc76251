"""Names that files and metrics have been given, and worse."""

from pathlib import Path

from trainer.curves.csv import read
from trainer.curves.importing import import_curve
from trainer.store.store import Store

NAMES = {
    "markup": "<b>bold</b><img src=x onerror=window.harmed=1>.csv",
    "script": "</script><script>window.harmed=1</script>",
    "plotly": '<a href="javascript:window.harmed=1">%{y}</a> &lt;&amp;',
    "rich": "[bold red]red[/] [link=https://example.org]x[/link] :bomb:",
    "quotes": "\"'`\\ ${window.harmed=1} {{7*7}}",
    "formula": "=cmd|' /C calc'!A0",
    "emoji": "👩‍👩‍👧 🏳️‍🌈 ✓",
    "right to left": "قيمة الخسارة.csv",
    "turned": "safe\u202evsc.exe",
    "terminal": "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b31m\r\n\x00\x7f",
    "separators": "a\u2028b\u2029c\x85d\te",
    "half": "\ud800half",
    "long": "x" * 10_000,
    "combining": "Z" + "\u0335\u0327\u030d" * 200,
}
"""By what is odd about each."""

ACTING = set("\u202e\x1b\x07\x9b\r\n\x00\x7f\u2028\u2029\x85\t\ud800")


def imported(store: Store, folder: Path, name: str) -> int:
    """Import a file of that name with a metric of that name; returns the run id."""
    path = folder / "any"
    metric = name.translate({ord(c): " " for c in '\r\n\0"\ud800'}).strip()[:150]
    path.write_bytes(f'"{metric}"\n3\n2\n1\n'.encode())
    return import_curve(store, read(path, metric, name), {})
