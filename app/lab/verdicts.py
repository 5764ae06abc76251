"""How the displayed run stands, and what its advice does."""

import threading
from collections import OrderedDict
from typing import Any

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from typing_extensions import TypedDict  # the one that pydantic reads before Python 3.12

from app import ids, run_picker
from app.checked import Whole
from app.lab import forking
from app.lab.control import pace_of
from app.lab.received import token_of
from trainer.config.run import RunConfig
from trainer.config.table import ConfigError, changed
from trainer.store.faults import CommandError
from trainer.store.lineage import own, prefix
from trainer.store.run import Run
from trainer.store.store import Store
from trainer.verdict.course import Course
from trainer.verdict.verdict import learned, verdict

KEPT = 16  # courses: one for each run that pages show


class Advice(TypedDict):
    """A click on a statement's button: what it does with which run; `clicks` tells two apart."""

    run: Whole
    after: Whole | None
    settings: dict[str, str]
    clicks: Whole


class Verdicts:
    """The verdicts on a store's runs. What was taken in of a run is kept, so that a verdict costs
    the same at epoch 10 and at epoch 10,000.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._courses: OrderedDict[int, Course] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: Run) -> dict[str, Any]:
        """The statements as the page shows them, and whether the run learned."""
        with self._lock:
            course = self._course(run)
            by_hand, tried = self._store.interventions(run.id), self._before(run)
            found = verdict(course, run.epochs, run.over, by_hand, tried)
            known = learned(course)
        shown = {
            "learned": known,
            "statements": [
                [
                    statement.kind,
                    statement.sentence,
                    statement.epochs,
                    None
                    if statement.action is None or run.config is None
                    else {
                        "label": statement.action.label,
                        "after": statement.action.after,
                        "settings": statement.action.settings,
                        "run": run.id,
                    },
                ]
                for statement in found
            ],
        }
        return {**shown, "token": token_of(shown)}

    def _before(self, run: Run) -> list[RunConfig]:
        """The configs of a fork's parent and of those before it."""
        configs = []
        before = self._store.run(run.parent) if run.parent else None
        while before is not None:
            configs += [before.config] if before.config else []
            before = self._store.run(before.parent) if before.parent else None
        return configs

    def _course(self, run: Run) -> Course:
        course = self._courses.pop(run.id, None)
        rows = own(self._store, run, course.epoch - 1) if course else []
        classes = run.started.classes if run.started else 0
        # A run that was resumed trains its last epochs again.
        again = course and course.epoch > course.after and rows[:1] != [course.last]
        if course is None or course.classes != classes or again or not _same(course, run):
            forked = (run.parent_epoch or 0) if run.sweep is None else 0
            course = Course(run.recipe, classes, forked)
            course.lr_known |= run.source == "watched"
            course.extend(prefix(self._store, run.id) if forked else [])
            rows = own(self._store, run)
        course.extend(row for row in rows if row.epoch > course.epoch)
        self._courses[run.id] = course
        if len(self._courses) > KEPT:
            self._courses.popitem(last=False)
        return course


def _same(course: Course, run: Run) -> bool:
    """Whether what is known of the run's recipe is what it was, but for a plan that grew."""
    return course.recipe.model_copy(update={"epochs": run.recipe.epochs}) == run.recipe


def layout() -> Component:
    """The card."""
    return html.Section(
        [
            html.H2("How it stands"),
            html.Ul(id=ids.VERDICT, className="verdict"),
            dcc.Store(ids.ADVICE),
        ],
        className="panel verdict-panel",
    )


def register(app: Dash, store: Store) -> None:
    """Do what a statement advises: start a run, or a fork, with its settings."""

    @app.callback(
        Output(ids.RUN, "data", allow_duplicate=True),
        Output(ids.RUN, "value", allow_duplicate=True),
        Output(ids.REFUSED, "children", allow_duplicate=True),
        Input(ids.ADVICE, "data"),
        State(ids.PACE, "value"),
        prevent_initial_call=True,
    )
    def act(advice: Advice | None, pace: str | None) -> tuple[Any, ...]:
        row = store.run(advice["run"]) if advice else None
        if advice is None or row is None or row.config is None:
            raise PreventUpdate
        try:
            if advice["after"] is None:
                run = store.add(changed(row.config, advice["settings"]), pace_of(pace))
            else:
                fork = forking.Fork(run=row.id, epoch=advice["after"], before=None, values={})
                config = forking.parent_config(store, fork)
                assert config is not None
                run = forking.add(store, fork, changed(config, advice["settings"]), pace_of(pace))
        except (ConfigError, CommandError) as refused:
            return run_picker.choices(store, row.id), str(row.id), str(refused)
        return run_picker.choices(store, run), str(run), ""
