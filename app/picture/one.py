"""The picture of one run, as the Lab shows it. Pure."""

from app import run_names
from app.charts import theme
from app.charts.curves import curves, group_names
from app.picture import elements, labels
from app.picture.axes import Axis
from app.picture.drawn import Drawn
from app.picture.elements import element, text
from app.picture.panes import BOTTOM
from app.picture.sheet import Sheet, dashes, last

MOST_MARKERS = 200


class One(Sheet):
    """Its losses, its rule strip and its LR."""

    def __init__(
        self, one: Drawn, size: tuple[int, int], paint: dict[str, str], titled: bool
    ) -> None:
        self.one = one
        self.drawn = [(curve, line) for curve, line in curves(one.series) if line.x]
        losses = [line for curve, line in self.drawn if "yaxis" not in curve.style]
        super().__init__([one], losses, size, paint, titled)

    def title(self) -> str:
        run = self.one.run
        details = run_names.details(run)
        return f"Run {run.id}: {run_names.name(run)}" + (f" · {details}" if details else "")

    def loss(self) -> list[str]:
        more = "every batch, thin; every epoch, thick" if self.one.series.batches.x else ""
        parts = self.heading(self.head, "loss", more)
        start = 22 + elements.width("loss", 13.5)
        if more and not self.panes.narrow:
            start += elements.width(more) + 14
        parts += self.legend(start, self.head)
        for curve, line in self.drawn:
            if "yaxis" not in curve.style:
                parts.append(self.curve(curve, line, self.panes.loss, self.paint[curve.colour]))
        parts += [*self._lost(), *self._forks(), *self._ends(self.panes.loss, None), *self._best()]
        above = [mark for mark in self.one.series.marks if mark.lr is None]
        return [*parts, *labels.marks(above, self.panes, self.paint)]

    def strips(self) -> list[str]:
        (top,), it = self.panes.strips, self.panes
        name = text(
            it.x.start - 6, top + it.strip - 6, "rule", self.paint["faint"], text_anchor="end"
        )
        return [name, *self.cells(self.one, top)]

    def rates(self) -> list[str]:
        parts = [
            self.curve(curve, line, self.panes.lr, self.paint[curve.colour])
            for curve, line in self.drawn
            if curve.style.get("yaxis") == "y2" and curve.key != "lr_used"
        ]
        beside = [mark for mark in self.one.series.marks if mark.lr is not None]
        return [*parts, *self._groups(), *labels.marks(beside, self.panes, self.paint)]

    def _ends(self, axis: Axis, yaxis: str | None) -> list[str]:
        """The names of the curves at the right, and a dot at the last point of each metric."""
        found, dots = [], []
        for curve, line in self.drawn:
            place = last(line, axis)
            if not curve.end or curve.style.get("yaxis") != yaxis or place is None:
                continue
            colour, y = self.paint[curve.colour], axis.place(place[1])
            found.append(labels.End(curve.end, colour, y))
            if curve.key.startswith("metric:"):
                x = self.panes.x.place(place[0])
                dots.append(element("circle", cx=round(x, 1), cy=round(y, 1), r=3.5, fill=colour))
        x = self.panes.x.end + 6
        return [*dots, *labels.ends(found, axis, x, self.panes.width - x)]

    def _groups(self) -> list[str]:
        """The names of several parameter groups at the right, one for those with the same LR."""
        series, axis = self.one.series, self.panes.lr
        if not series.groups:
            return []
        at: dict[float, list[int]] = {}
        for number, line in {1: series.lr, **series.groups}.items():
            if place := last(line, axis):
                at.setdefault(place[1], []).append(number)
        paint, x = self.paint["lr"], self.panes.x.end + 6
        found = [labels.End(group_names(its), paint, axis.place(lr)) for lr, its in at.items()]
        return labels.ends(found, axis, x, self.panes.width - x)

    def _best(self) -> list[str]:
        best, axis = self.one.best, self.panes.loss
        if best is None:
            return []
        epoch, value, colour = best.marker
        if not axis.shows(value):
            return []
        x, y = self.panes.x.place(epoch), axis.place(value)
        return [
            element(
                "circle", cx=round(x, 1), cy=round(y, 1), r=3.5,
                fill=self.paint["panel"], stroke=self.paint[colour], stroke_width=theme.CURVE,
            )
        ]  # fmt: skip

    def _lost(self) -> list[str]:
        """A cross for each epoch with a value that was not finite."""
        found, y = self.one.series.lost.x[:MOST_MARKERS], self.panes.loss.end + 4
        d = "".join(f"M{self.panes.x.place(x) - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8" for x in found)
        if not d:
            return []
        return [
            element("path", d=d, fill="none", stroke=self.paint["cut"], stroke_width=theme.CURVE)
        ]

    def _forks(self) -> list[str]:
        """A line through all panes where it was forked."""
        return [
            element(
                "path",
                d=f"M{self.panes.x.place(mark.x):.1f} {self.panes.loss.end:.1f}"
                f"V{self.panes.height - BOTTOM}",
                stroke=self.paint["neutral"],
                stroke_width=theme.HAIR,
                stroke_dasharray=dashes(theme.DOTTED, theme.HAIR),
            )
            for mark in self.one.series.marks
            if mark.kind == "fork"
        ]
