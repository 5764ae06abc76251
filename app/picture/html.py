"""Runs as one HTML file that opens offline: the picture, its numbers, and a what-if that works."""

import base64
import json
from collections.abc import Sequence
from html import escape
from typing import Any

from app import run_names
from app.charts import theme
from app.csp import csp_hash
from app.paths import assets_folder
from app.picture import content, what_if
from app.picture.drawn import Drawn, common_metric
from app.picture.svg import Picture, picture
from trainer.config.metrics import label
from trainer.config.table import chosen, differences, from_config
from trainer.config.text import plain
from trainer.export.error import ExportError
from trainer.store.store import Store

MOST_BYTES = 1_500_000
SIZES = {"wide": (860, 560), "narrow": (368, 480)}
NONE = "\N{EN DASH}"  # where a run has no such setting
SCRIPTS = (
    "lab/events.js", "export/plateau.js", "export/numbers.js", "export/replay.js",
    "export/figure.js", "export/page.js",
)  # fmt: skip


def html(store: Store, runs: Sequence[Drawn]) -> str:
    """One file of one run, or of several laid over one another.

    So that it can be sent by mail, of long runs the sentences of epochs in which nothing happened
    are left out, then the metrics but one, then the picture for phones.

    Raises:
        ExportError: it would be larger than MOST_BYTES all the same.
    """
    names = content.metrics_of(runs)
    common = [name for name in names if name == common_metric(runs)] or names[:1]
    colours = {name: f"var(--{name})" for name in theme.colours("light")}
    pictures = {
        kind: picture(runs, *size, paint=colours, titled=False) for kind, size in SIZES.items()
    }
    wide = {"wide": pictures["wide"]}
    for shown, all_told, drawn in (
        (names, True, pictures), (names, False, pictures), (common, False, pictures),
        (common, False, wide),
    ):  # fmt: skip
        page = _page(store, runs, drawn, shown, all_told)
        if len(page.encode()) <= MOST_BYTES:
            return page
    epochs = sum(len(one.rows) for one in runs)
    raise ExportError(
        f"These runs have {epochs:,} epochs, too many for one HTML file of "
        f"{MOST_BYTES / 1e6:g} MB: choose fewer runs."
    )


def _page(
    store: Store,
    runs: Sequence[Drawn],
    pictures: dict[str, Picture],
    names: Sequence[str],
    all_told: bool,
) -> str:
    panes = [drawn.panes for drawn in pictures.values()]
    data = content.script(content.of(store, runs, panes, names, all_told))
    folder = assets_folder()
    code = "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    style = _style() + (folder / "export/page.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {csp_hash(code)}; style-src {csp_hash(style)}; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )
    title = _title(runs)
    figures = "".join(f'<div class="for-{kind}">{one.svg}</div>' for kind, one in pictures.items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_safe(title)} · LRScope</title>
<style>{style}</style>
</head>
<body>
<header><h1>{_safe(title)}</h1><p>{_safe(_subtitle(runs))}</p></header>
<main class="columns">
<div class="column">
<div class="panel figure {" ".join(pictures)}">{figures}</div>
{_epoch(runs, names)}
{_settings(runs)}
</div>
<div class="column">
{_choice(runs)}
{_what_if()}
{_events(all_told)}
</div>
</main>
<footer>Made by LRScope. This page loads nothing and sends nothing.</footer>
<script type="application/json" id="data">{data}</script>
<script>{code}</script>
</body>
</html>
"""


def _safe(text: str) -> str:
    return escape(plain(text))


def _style() -> str:
    """The colours in both schemes, and the font."""
    font = (assets_folder() / "fonts/inter-latin.woff2").read_bytes()
    schemes = {
        scheme: " ".join(f"--{name}: {value};" for name, value in theme.colours(scheme).items())
        for scheme in theme.COLOURS
    }
    return (
        '@font-face { font-family: "Inter"; font-weight: 100 900; src: '
        f'url("data:font/woff2;base64,{base64.b64encode(font).decode()}") format("woff2"); }}\n'
        f":root {{ --font: {theme.FONT}; {schemes['light']} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {schemes['dark']} }} }}\n"
    )


def _title(runs: Sequence[Drawn]) -> str:
    if len(runs) == 1:
        return f"Run {runs[0].run.id}: {run_names.name(runs[0].run)}"
    *most, last = [str(one.run.id) for one in runs]
    return f"Runs {', '.join(most)} and {last}"


def _subtitle(runs: Sequence[Drawn]) -> str:
    if len(runs) > 1:
        return f"Compared by {label(common_metric(runs))}."
    run = runs[0].run
    told: list[str | None] = [run_names.details(run), run_names.status(run)[1]]
    if run.test_accuracy is not None:
        told.append(f"test accuracy {100 * run.test_accuracy:.2f} %")
    told.append(run.reason)
    return " · ".join(filter(None, told))


def _epoch(runs: Sequence[Drawn], names: Sequence[str]) -> str:
    """What each run had in the epoch that is pointed at."""
    most = max((len(one.rows) for one in runs), default=0)
    if not most:
        return '<div class="panel epoch"><p class="note">No epoch has ended yet.</p></div>'
    several = len(runs) > 1
    heads = ["LR", *map(label, names)]
    if several:
        heads = ["run", *heads, "what the schedule did"]
    cells = "".join(f'<th scope="col">{_safe(head)}</th>' for head in heads)
    return f"""<section class="panel epoch" aria-label="One epoch">
<div class="epoch-row"><strong id="epoch-number"></strong>
<input type="range" id="epoch" min="1" max="{most}" step="1" aria-label="Epoch"></div>
<div class="scroll" tabindex="0" role="region" aria-label="What the epoch had">
<table><thead><tr>{cells}</tr></thead><tbody id="told"></tbody></table></div>
{"" if several else '<p class="answer" id="sentence"></p>'}
</section>"""


def _choice(runs: Sequence[Drawn]) -> str:
    """Whose what-if and events are shown."""
    if len(runs) == 1:
        return ""
    options = "".join(
        f"<option>{_safe(f'{one.run.id} {run_names.name(one.run)}')}</option>" for one in runs
    )
    return (
        f'<div class="panel"><label for="run">Run</label><select id="run">{options}</select></div>'
    )


def _what_if() -> str:
    boxes = "".join(map(_box, what_if.fields()))
    return f"""<section class="panel" id="what-if"><h2>What if: the plateau rule</h2>
<form id="settings">{boxes}<button type="button" id="reset">As it was</button></form>
<div role="status"><p id="answer-cuts"></p><p class="answer" id="answer"></p></div>
<table class="cuts"><thead><tr><td></td><th scope="col">cuts after epoch</th></tr></thead><tbody>
<tr><th scope="row">this run</th><td id="cuts-run"></td></tr>
<tr><th scope="row">what if</th><td id="cuts-what-if"></td></tr></tbody></table></section>"""


def _box(field: dict[str, Any]) -> str:
    """The control of a setting, and the place for what is wrong with it."""
    key, told = f"if-{field['key']}", escape(json.dumps(field))
    shared = (
        f'id="{key}" name="{field["key"]}" aria-describedby="{key}-problem" data-field="{told}"'
    )
    if field["kind"] == "choice":
        options = "".join(f"<option>{choice}</option>" for choice in field["choices"])
        control = f"<select {shared}>{options}</select>"
    else:
        control = f'<input {shared} inputmode="decimal" autocomplete="off">'
    problem = f'<span class="problem" id="{key}-problem"></span>'
    named = f'<label for="{key}">{escape(field["label"])}</label>'
    return f'<div class="field">{named}{control}{problem}</div>'


def _events(all_told: bool) -> str:
    note = "" if all_told else '<p class="note">Epochs in which nothing happened are left out.</p>'
    return (
        f'<section class="panel events"><h2>Events, newest first</h2>{note}'
        '<ol id="events" tabindex="0" aria-label="Events"></ol></section>'
    )


def _settings(runs: Sequence[Drawn]) -> str:
    """The settings; of several runs those in which they differ, and what is the same in all."""
    configs = [one.run.recipe for one in runs]
    texts = [
        {
            s.key: (s.label, s.text(values[s.key]))
            for s in chosen(from_config(one.run.recipe), type(one.run.recipe))
            if s.key in values
        }
        for one in runs
        for values in [one.run.settings]
    ]
    labels = {key: name for own in texts for key, (name, _) in own.items()}
    keys = list(differences(configs)) if len(runs) > 1 else list(labels)
    rows = "".join(
        f'<tr><th scope="row">{_safe(labels[key])}</th>'
        + "".join(f"<td>{_safe(own[key][1]) if key in own else NONE}</td>" for own in texts)
        + "</tr>"
        for key in keys
        if key in labels
    )
    head, same = "", ""
    if len(runs) > 1:
        named = "".join(f'<th scope="col">{one.run.id}</th>' for one in runs)
        head = f"<thead><tr><td></td>{named}</tr></thead>"
        shared = [f"{name} {text}" for key, (name, text) in texts[0].items() if key not in keys]
        same = f'<p class="note">The same in all: {_safe(", ".join(shared))}.</p>'
    title = "Settings" if len(runs) == 1 else "What differs"
    table = f"<table>{head}<tbody>{rows}</tbody></table>" if rows else ""
    scroll = f'<div class="scroll" tabindex="0" role="region" aria-label="{title}">{table}</div>'
    return f'<section class="panel settings"><h2>{title}</h2>{scroll}{same}</section>'
