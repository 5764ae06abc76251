"""What the pictures of one run and of several have in common: frame, axes, headings. Pure."""

from collections.abc import Sequence

from app.charts import rule, theme
from app.charts.curves import Curve, cells
from app.charts.series import Line
from app.picture import elements
from app.picture.axes import Axis
from app.picture.drawn import Drawn
from app.picture.elements import element, text
from app.picture.lines import path
from app.picture.panes import BOTTOM, HEAD, TITLE, panes
from trainer.config.text import plain


class Sheet:
    """A picture of runs; what it shows of them is told by its kinds."""

    def __init__(
        self,
        runs: Sequence[Drawn],
        losses: Sequence[Line],
        size: tuple[int, int],
        paint: dict[str, str],
        titled: bool,
    ) -> None:
        self.runs = runs
        self.paint = paint
        self.titled = titled
        self.panes = panes(runs, losses, *size, titled)

    def svg(self) -> str:
        width, height = self.panes.width, self.panes.height
        parts = [
            *([element("title", elements.safe(self.title()))] if self.titled else []),
            element("rect", width=width, height=height, fill=self.paint["panel"]),
            *self._frame(),
            *self.loss(),
            *self.strips(),
            element("g", "".join([*self._lr_frame(), *self.rates()]), class_="rates"),
        ]
        return element(
            "svg",
            "\n".join(parts),
            xmlns="http://www.w3.org/2000/svg",
            width=width,
            height=height,
            viewBox=f"0 0 {width} {height}",
            role="img",
            aria_label=None if self.titled else plain(self.title()),
            font_family=theme.FONT,
            font_size=12,
            stroke_linejoin="round",
        )

    def title(self) -> str:
        raise NotImplementedError

    def loss(self) -> list[str]:
        raise NotImplementedError

    def strips(self) -> list[str]:
        raise NotImplementedError

    def rates(self) -> list[str]:
        raise NotImplementedError

    def curve(self, curve: Curve, line: Line, axis: Axis, colour: str) -> str:
        """A curve as the page draws it; "" if it has no points."""
        own = curve.style.get("line", {})
        width = own.get("width", theme.CURVE)
        joined = curve.style.get("connectgaps", False)
        d = path(line, self.panes.x, axis, joined, own.get("shape") == "hv")
        if not d:
            return ""
        filled = "fill" in curve.style
        return element(
            "path",
            d=d,
            fill=colour if filled else "none",
            fill_opacity=round(int(curve.fill, 16) / 255, 2) if filled else None,
            stroke=colour if width else None,
            stroke_width=width or None,
            stroke_dasharray=dashes(own.get("dash"), width),
            stroke_linecap="round" if not own.get("dash") and width else None,
            opacity=curve.style.get("opacity"),
        )

    def _frame(self) -> list[str]:
        """Title, grid and axes."""
        it, paint = self.panes, self.paint
        parts = []
        if self.titled:
            room = it.width - 28
            parts.append(
                text(
                    14, 22, elements.shortened(self.title(), room, 14), paint["ink"],
                    font_size=14, font_weight=600,
                )
            )  # fmt: skip
        bottom = it.height - BOTTOM
        every = max(int((it.x.end - it.x.start) / (60 if it.narrow else 90)), 2)
        for value, words in it.x.ticks(every):
            if value != int(value):
                continue
            x = it.x.place(value)
            for axis in (it.loss, it.lr):
                parts.append(self._grid(x, axis.end, x, axis.start))
            parts.append(text(x, bottom + 17, words, paint["faint"], text_anchor="middle"))
        parts.append(self._grid(it.x.start, bottom, it.x.end, bottom, "axis"))
        parts.append(text(it.x.end + 12, bottom + 17, "epoch", paint["faint"]))
        return [*parts, *self._y_ticks(it.loss, 6)]

    def _y_ticks(self, axis: Axis, most: int) -> list[str]:
        parts, it = [], self.panes
        for value, words in axis.ticks(most):
            y = axis.place(value)
            parts.append(self._grid(it.x.start, y, it.x.end, y))
            parts.append(text(it.x.start - 6, y + 4, words, self.paint["faint"], text_anchor="end"))
        return parts

    def _lr_frame(self) -> list[str]:
        it = self.panes
        line = it.lr_head
        return [
            self._grid(0, line, it.width, line, "line"),
            *self.heading(line + 17, "learning rate"),
            *self._y_ticks(it.lr, 4),
        ]

    def heading(self, y: float, words: str, more: str = "") -> list[str]:
        parts = [text(14, y, words, self.paint["ink"], font_size=13, font_weight=600)]
        if more and not self.panes.narrow:
            x = 22 + elements.width(words, 13.5)
            parts.append(text(x, y, more, self.paint["faint"]))
        return parts

    @property
    def head(self) -> float:
        """The baseline of the heading of the loss."""
        return (TITLE if self.titled else 4) + HEAD - 9.0

    def _grid(self, x1: float, y1: float, x2: float, y2: float, colour: str = "grid") -> str:
        return element(
            "path",
            d=f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}",
            stroke=self.paint[colour],
            stroke_width=theme.HAIR,
        )

    def cells(self, one: Drawn, top: float) -> list[str]:
        """The rule strip of a run."""
        axis = Axis(0.0, 1.0, top + self.panes.strip, top)
        drawn = [
            self.curve(cells(kind), line, axis, self.paint[rule.LOOKS[kind].colour])
            for kind, line in one.series.cells.items()
        ]
        return [part for part in drawn if part]

    def legend(self, x: float, y: float) -> list[str]:
        """The kinds of cells that the strips have."""
        parts = []
        for kind, look in rule.LOOKS.items():
            if not any(one.series.cells[kind].x for one in self.runs):
                continue
            room = elements.width(look.name) + 26
            if x + room > self.panes.width:
                break
            colour, hollow = self.paint[look.colour], look.hollow
            parts += [
                element(
                    "rect", x=round(x, 1), y=y - 8.5, width=9, height=9, rx=2,
                    fill="none" if hollow else colour, stroke=colour if hollow else None,
                    fill_opacity=None if hollow else round(int(look.fill, 16) / 255, 2),
                ),
                text(x + 14, y, look.name, self.paint["faint"]),
            ]  # fmt: skip
            x += room
        return parts


def dashes(dash: str | None, width: float) -> str | None:
    """A dash as plotly draws it."""
    unit = max(width, 3.0)
    lengths = {theme.DOTTED: (1, 1), theme.DASHED: (3, 3), theme.DASH_DOTTED: (3, 1, 1, 1)}
    return ",".join(f"{unit * n:g}" for n in lengths[dash]) if dash else None


def last(line: Line, axis: Axis) -> tuple[float, float] | None:
    """The last point that has a place."""
    for x, y in zip(reversed(line.x), reversed(line.y), strict=True):
        if y is not None and axis.shows(y):
            return x, y
    return None
