"""Every component id of the page, once."""

# Lab: what runs
RUN = "run"
STATUS = "status"
START = "start"
STOP = "stop"
PACE = "pace"
PROGRESS = "progress"
PROGRESS_LEFT = "progress-left"
PROGRESS_RIGHT = "progress-right"
NOTICE = "notice"

# Lab: the charts and what feeds them
CHART = "chart"
LOSS_SCALE = "loss-scale"
VIEW = "view"
DELTA = "delta"
CURSOR = "cursor"
POLL = "poll"
TEMPLATES = "templates"
SCHEME = "scheme"

# Lab: the schedule
LOG = "log"
METER = "meter"

# The form
PRESET = "preset"
QUERY = "query"
FORM = "form"
PROBLEMS = "problems"

# The preview
PREVIEW = "preview"
PREVIEW_CHART = "preview-chart"
PREVIEW_TEXT = "preview-text"
SURPRISES = "surprises"


def card(name: str, part: str) -> str:
    """A readout card's value or its small print: ("lr", "value")."""
    return f"card-{name}-{part}"


def schedule(part: str) -> str:
    """A text of the panel that says what the schedule is doing."""
    return f"schedule-{part}"


def field(key: str, owner: str | None) -> dict[str, str]:
    """The control of one setting; `owner` is its schedule or optimizer, "" for the run's own."""
    return {"type": "field", "key": key, "owner": owner or ""}


def slider(key: str, owner: str | None) -> dict[str, str]:
    """The slider beside a control."""
    return {"type": "slider", "key": key, "owner": owner or ""}


def owned(group: str, place: str) -> str:
    """Where the controls of the chosen schedule or optimizer stand: at hand ("main") or "more"."""
    return f"owned-{group}-{place}"
