"""The terminal as rich writes to it."""

import sys
from collections.abc import Sequence

from rich.console import Console as Rich
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

WIDEST = 100_000  # of a pipe, which has no width: its lines are left whole


class Console(Rich):
    """A console whose lost output ends the command, and not the process."""

    def on_broken_pipe(self) -> None:
        """Tell the command that its output is lost, where rich would end the process."""
        raise  # the BrokenPipeError that it is called for


def console() -> Console:
    """Standard output. In a pipe lines are left whole."""
    return Console(highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def print_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str] = ()
) -> None:
    """Print a table, a row a line: on a terminal that is too narrow without some columns.

    Args:
        heads: the names of its columns.
        rows: the texts of its cells.
        spare: the columns that are left out first, in this order.
    """
    out = console()
    if not sys.stdout.isatty():
        out.width = WIDEST
    wide = out.options.update(max_width=WIDEST)
    kept, left = list(heads), list(spare)
    while True:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for head in kept:
            table.add_column(Text(head), no_wrap=True)
        for row in rows:
            named = dict(zip(heads, row, strict=True))
            table.add_row(*(Text(named[head]) for head in kept))
        if not left or Measurement.get(out, wide, table).maximum <= out.width:
            break
        kept.remove(left.pop(0))
    out.print(table)


def shows(text: str) -> bool:
    """Whether standard output has these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
