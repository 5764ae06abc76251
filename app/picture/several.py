"""The picture of several runs, laid over one another. Pure."""

from collections.abc import Sequence

from app import run_names
from app.charts import theme
from app.charts.curves import Curve, metric
from app.charts.series import Line
from app.picture import elements, labels
from app.picture.axes import Axis
from app.picture.drawn import Drawn, common_metric
from app.picture.elements import text
from app.picture.sheet import Sheet, last
from trainer.config.metrics import label, rises

ROUNDS = (None, theme.DASHED, theme.DOTTED, theme.DASH_DOTTED)  # of runs with the same colour


class Several(Sheet):
    """Several runs, one metric of each and its LR, in the run's colour."""

    def __init__(
        self, runs: Sequence[Drawn], size: tuple[int, int], paint: dict[str, str], titled: bool
    ) -> None:
        self.metric = common_metric(runs)
        self.lines = [one.series.metrics.get(self.metric, Line([], [])) for one in runs]
        super().__init__(runs, self.lines, size, paint, titled)

    def title(self) -> str:
        return f"Runs {', '.join(str(one.run.id) for one in self.runs)}"

    def loss(self) -> list[str]:
        error = rises(self.metric)
        found = metric(self.metric, error).end if error else label(self.metric)
        parts = self.heading(self.head, found)
        if self.panes.strips:
            parts += self.legend(30 + elements.width(found, 13.5), self.head)
        names, axis = [], self.panes.loss
        for i, (one, line) in enumerate(zip(self.runs, self.lines, strict=True)):
            parts.append(self._line(i, line, axis, theme.CURVE, joined=True))
            if place := last(line, axis):
                name = run_names.name(one.run)
                words = f"run {one.run.id}" if self.panes.narrow else f"{one.run.id} {name}"
                names.append(labels.End(words, self.colour(i), axis.place(place[1])))
        x = self.panes.x.end + 6
        return [*parts, *labels.ends(names, axis, x, self.panes.width - x)]

    def strips(self) -> list[str]:
        it, parts = self.panes, []
        for i, (top, one) in enumerate(zip(it.strips, self.runs, strict=False)):
            parts.append(
                text(
                    it.x.start - 6, top + it.strip - 2, str(one.run.id), self.colour(i),
                    font_size=11, text_anchor="end",
                )
            )  # fmt: skip
            parts += self.cells(one, top)
        return parts

    def rates(self) -> list[str]:
        return [
            self._line(i, one.series.lr, self.panes.lr, theme.CURVE)
            for i, one in enumerate(self.runs)
        ]

    def colour(self, i: int) -> str:
        return self.paint[theme.of_run(i)]

    def _line(self, i: int, line: Line, axis: Axis, width: float, joined: bool = False) -> str:
        dash = ROUNDS[i // len(theme.CATEGORICAL) % len(ROUNDS)]
        style = {"line": {"width": width, "dash": dash}, "connectgaps": joined}
        return self.curve(Curve("", "", "", style), line, axis, self.colour(i))
