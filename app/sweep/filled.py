"""What the form of a sweep holds, as Dash passes it."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from app import form, own
from app.checked import Typed
from app.sweep import address, finding, values
from app.sweep.address import MOST_QUERY, ROWS, Asked
from app.sweep.plan import Plan, PlanError, by_row, plan
from trainer.config.grid import MOST_SEEDS, MOST_WORKERS
from trainer.config.table import ConfigError, changed, differences
from trainer.config.text import epochs_text
from trainer.store.faults import CommandError
from trainer.store.store import Store
from trainer.store.sweeps import Sweep
from trainer.sweep.adding import added_by, extend
from trainer.sweep.settings import in_prose

Texts = Annotated[list[str | None], Field(max_length=ROWS)]


class Form:
    """What the controls hold, as Dash passes it."""

    def __init__(
        self,
        base: str | None,
        keys: Sequence[str | None],
        texts: Sequence[str | None],
        counts: tuple[Typed, Typed, Typed],
        halving: bool | None,
    ) -> None:
        self.base = form.from_query(base or "")
        self.rows = [(key or "", text or "") for key, text in zip(keys, texts, strict=True)]
        self.seeds, self.epochs, self.workers = counts
        self.halving = bool(halving)

    def plan(self) -> Plan:
        """The sweep that they describe.

        Raises:
            PlanError: it cannot be.
        """
        wrong = []
        for word, value, most in (
            ("Seeds", self.seeds, MOST_SEEDS), ("Workers", self.workers, MOST_WORKERS)
        ):  # fmt: skip
            if not isinstance(value, int) or not 1 <= value <= most:
                wrong.append(f"{word} must be a whole number from 1 to {most}.")
        try:
            config = changed(self.base, {"epochs": self.epochs})
        except ConfigError as error:
            wrong += error.problems.values()
        if wrong:
            raise PlanError({}, wrong)
        assert isinstance(self.seeds, int)
        return plan(config, self.rows, self.seeds, self.halving)

    def query(self) -> str:
        """The address of these settings, without their values where they would be too many."""
        config = self.base
        if isinstance(self.epochs, int) and self.epochs:
            config = config.model_copy(update={"epochs": self.epochs})
        seeds, workers = (
            value if isinstance(value, int) and value else 1 for value in (self.seeds, self.workers)
        )
        over = {key: text for key, text in self.rows if key}
        asked = Asked(None, None, config, over, seeds, workers, self.halving)
        query = address.write(asked)
        return query if len(query) <= MOST_QUERY else address.write(asked._replace(over={}))

    def extend(self, store: Store, sweep: Sweep) -> int:
        """Add what a sweep has not yet of these values and seeds; returns how many cells.

        Raises:
            PlanError: it is another sweep that they describe, or one that cannot be.
            CommandError: the sweep still trains.
        """
        given, seeds = self._more(self.plan(), sweep)
        try:
            return extend(store, sweep.id, given, seeds)
        except ConfigError as error:
            raise by_row(error, [key for key, _ in self.rows]) from error

    def adding(self, store: Store, sweep: Sweep, made: Plan) -> tuple[int, str]:
        """How many cells a plan would add to a sweep, and in a sentence what that is, or why it is
        none.
        """
        try:
            given, seeds = self._more(made, sweep)
            new = added_by(store, sweep.id, given, seeds)
        except (PlanError, ConfigError, CommandError) as error:
            return 0, str(error)
        if not new:
            return 0, f"Sweep {sweep.id} has all of these values already."
        epochs = epochs_text(sum(config.epochs for config in new))
        return len(new), f"That adds {len(new):,} cell{'s' * (len(new) > 1)}, {epochs} at most."

    def _more(self, made: Plan, sweep: Sweep) -> tuple[dict[str, list[str]], int]:
        """The values and the seeds of a plan, to add to a sweep.

        Raises:
            PlanError: it is another sweep that they describe.
        """
        grid = sweep.grid
        other = [in_prose(key) for key in differences([made.config, sweep.config])]
        other += ["halving"] if made.grid.mode != grid.mode else []
        if other:
            told = f"Sweep {sweep.id} has other settings in common ({', '.join(other)})"
            raise PlanError({}, [f"{told}: train this as a new one."])
        given = {key: values.split(key, text) for key, text in self.rows if key}
        return given, max(made.grid.seeds, grid.seeds)


def allow(plan: Plan, trusted: bool | None) -> None:
    """Refuse networks of one's own that nobody has trusted, or that cannot be built.

    Raises:
        CommandError: one of them.
    """
    for config in {cell.config.model: cell.config for cell in plan.cells}.values():
        own.ask_for_trust(config, trusted)
        own.refuse_broken(config)


def of_sweep(sweep: Sweep) -> Asked:
    """The form of a sweep that there is."""
    if sweep.kind != "grid":
        return finding.of_sweep(sweep)
    grid, base = sweep.grid, sweep.config
    over = {axis.key: values.joined(axis.key, axis.values) for axis in grid.axes}
    return Asked(
        sweep.id, None, base, over, grid.seeds, sweep.workers, grid.mode == "halving"
    )  # fmt: skip
