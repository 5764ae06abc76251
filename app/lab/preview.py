"""What the settings in the form lead to: the LR ahead in the chart, a sentence, and cautions."""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from dash.development.base_component import Component

from app import form, ids
from app.lab.coming import curves
from app.lab.forking import Fork
from trainer.config.run import RunConfig
from trainer.config.table import ConfigError, chosen, from_config
from trainer.config.text import epochs_text, lr_text
from trainer.config.traits import Caution
from trainer.own.errors import OwnError
from trainer.own.survey import batches as batches_of
from trainer.schedule.torch_changed import TorchChangedError
from trainer.store.lineage import lineage, stretches
from trainer.store.store import Store
from trainer.worker import Worker

HELP = (
    "Computed by the schedule itself. Under the plateau rule the LR stays within the shaded area: "
    "on its lower edge if no epoch improves, on its upper edge if every epoch does."
)


def layout() -> Component:
    """One sentence, and the cautions."""
    return html.Div(
        [
            html.P(
                [html.Strong("Ahead: "), html.Span(id=ids.PREVIEW_TEXT)],
                className="preview-text",
                title=HELP,
            ),
            html.Ul(id=ids.CAUTIONS, className="cautions", tabIndex=-1),
            dcc.Store(ids.PREVIEW),
        ],
        className="preview",
    )


def view_of(
    config: RunConfig, store: Store | None = None, fork: Fork | None = None
) -> dict[str, Any]:
    """What a run with this config would do: the LR ahead as curves, one sentence, and cautions.

    Args:
        store: has the fork's parent.
        fork: what the run is to be a fork of.
    """
    from trainer.replay.ahead import planned
    from trainer.replay.cautions import cautions
    from trainer.replay.replay import preview
    from trainer.replay.walk import inherit

    inherited, batches = None, batches_of(config)
    if store and fork and fork["epoch"]:
        rows = [row for row in lineage(store, fork["run"]) if row.epoch <= fork["epoch"]]
        inherited = inherit(stretches(store, fork["run"]), rows, batches)
    ahead = planned(config, batches, inherited)
    return {
        **curves(ahead),
        "epochs": config.epochs,
        "scale": config.schedule.traits.axis,
        "text": _sentence(config, ahead),
        "cautions": []
        if fork
        else [_drawn(config, each) for each in cautions(config, preview(config, batches))],
    }


def _drawn(config: RunConfig, caution: Caution) -> dict[str, Any]:
    """A caution's sentence and, if a setting would mend it, that setting's field and the button."""
    if caution.fix is None:
        return {"sentence": caution.sentence}
    path, value = caution.fix
    mends = next(s for s in chosen(from_config(config)) if s.path == path)
    text = mends.text(value)
    return {
        "sentence": caution.sentence,
        "field": ids.field(mends.key, mends.owner),
        "value": text,
        "button": f"{mends.label} = {text}",
    }


def _sentence(config: RunConfig, ahead: Any) -> str:
    lrs = [lr for _, lr in ahead.low]
    if ahead.high is not None:
        if ahead.first_cut is None:
            return "no cut is possible in this run."
        cuts = len({lr for lr in lrs if lr < config.lr})
        return (
            f"first cut possible after epoch {ahead.first_cut}; at worst "
            f"{epochs_text(cuts, 'cut')}, down to {lr_text(min(lrs))}."
        )
    first, last, top = lrs[0], lrs[-1], max(lrs)
    if first == last == top:
        return f"the LR stays at {lr_text(first)}."
    by = f" up to {lr_text(top)}, then" if top > max(first, last) else ""
    return f"from {lr_text(first)}{by} to {lr_text(last)}."


def register(app: Dash, store: Store, worker: Worker) -> None:
    """Draw what is ahead again whenever the form's config changes, or what it is a fork of."""

    @app.callback(
        Output(ids.PREVIEW, "data"),
        Input(ids.QUERY, "data"),
        Input(ids.FORK_OF, "data"),
        prevent_initial_call=True,
    )
    def draw(query: str | None, fork: Fork | None) -> dict[str, Any]:
        nothing = {"low": [[], []], "high": [[], []], "epochs": 0, "scale": "log", "cautions": []}
        if not worker.loaded():
            return {**nothing, "text": "torch cannot be loaded."}
        try:
            return view_of(form.from_query(query or ""), store, fork)
        except (ConfigError, OwnError, TorchChangedError) as error:
            return {**nothing, "text": str(error)}

    app.clientside_callback(
        ClientsideFunction("form", "preview"),
        Input(ids.PREVIEW, "data"),
        prevent_initial_call=True,
    )
