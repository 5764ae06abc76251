"""Every id of the page: of components, and of elements that CSS and JavaScript look up."""

from typing import Any

from dash import ALL

# Lab: the run
RUN = "run"
RUN_DETAILS = "run-details"
RUNS_ASKED = "runs-asked"
RENAME = "rename"
NAME = "run-name"
RENAMED = "renamed"
STATUS = "status"
START = "start"
STOP = "stop"
PACE = "pace"
CHOSEN_PACE = "chosen-pace"
PAUSE = "pause"
STEP = "step"
PROGRESS = "progress"
PROGRESS_LEFT = "progress-left"
PROGRESS_RIGHT = "progress-right"
NOTICE = "notice"
CELL_OF = "cell-of"

# The downloads
EXPORT = "export"


def export(form: str, menu: str) -> str:
    """The link to a download, in a menu."""
    return f"{menu}-{form}"


# Lab: the charts and their data
RUN_PANEL = "run-panel"
CHART = "chart"
LOSS_SCALE = "loss-scale"
LR_SCALE = "lr-scale"
LABELS = "labels"
TABLE = "table"
TABLE_BUTTON = "table-button"
VIEW = "view"
BEGUN = "begun"
REDRAW = "redraw"
SCHEME = "scheme"

# Lab: the schedule
EXPLAINS = "explains"
SCHEDULE_PANEL = "schedule-panel"
LOG = "log"
ALL_EPOCHS = "all-epochs"
METER = "meter"

# The form
PRESET = "preset"
AS_RUN = "as-run"
STARTED = "started"
QUERY = "query"
FORM = "form"
FOLD = "fold"
PROBLEMS = "problems"

# The form: data and a network of one's own
OWN = "own"  # the choice of a select, and the owner of the box for it
OWN_DATA = "own-data"
OWN_SETTINGS = "own-settings"
OWN_NETWORK = "own-network"
TRUST = "trust"

# The preview
PREVIEW = "preview"
PREVIEW_TEXT = "preview-text"
CAUTIONS = "cautions"


def card(name: str, part: str) -> str:
    """A readout card's value or its small text: ("lr", "value")."""
    return f"card-{name}-{part}"


def schedule(part: str) -> str:
    """A text in the schedule panel."""
    return f"schedule-{part}"


def field(key: str, owner: str | None, place: str = "run") -> dict[str, str]:
    """The control of one setting; `owner` is its schedule or optimizer, "" for the run's own.
    `place` is the form: "run" or "what-if".
    """
    return {"type": f"{place}-field", "key": key, "owner": owner or ""}


def slider(key: str, owner: str | None, place: str = "run") -> dict[str, str]:
    """A control's slider."""
    return {"type": f"{place}-slider", "key": key, "owner": owner or ""}


def every(part: str, place: str = "run") -> dict[str, Any]:
    """Dash's pattern for all fields, or all sliders, of a form."""
    return {"type": f"{place}-{part}", "key": ALL, "owner": ALL}


def group_controls(group: str, place: str) -> str:
    """The container for the chosen schedule's or optimizer's controls: "main" or "more"."""
    return f"owned-{group}-{place}"


# The what-if
TAB = "tab"
WHAT_IF = "what-if"
WHAT_IF_RUN = "what-if-run"
WHAT_IF_FORM = "what-if-form"
WHAT_IF_OWNED = "what-if-owned"
WHAT_IF_PROBLEMS = "what-if-problems"
WHAT_IF_EPOCH = "what-if-epoch"
ANSWER = "answer"
MAP = "map"
MAP_PANEL = "map-panel"
MAP_DATA = "map-data"
MAP_LEGEND = "map-legend"
MAP_X = "map-x"
MAP_Y = "map-y"
MAP_SHOWS = "map-shows"

# The import
IMPORT = "import"
IMPORT_DIALOG = "import-dialog"
IMPORT_CLOSE = "import-close"
IMPORT_LR = "import-lr"
IMPORT_TAG = "import-tag"
IMPORT_FILE = "import-file"
IMPORT_FOLLOW = "import-follow"
IMPORT_PATH = "import-path"
IMPORT_START = "import-start"
IMPORT_ERROR = "import-error"

# Changes by hand
LR_HEAD = "lr-head"
HINT = "hint"
PENDING = "pending"
UNDO = "undo"
SET_LR = "set-lr"
SET_LR_TO = "set-lr-to"
REFUSED = "refused"
START_REFUSED = "start-refused"

# The verdict
VERDICT = "verdict"
ADVICE = "advice"

# Forks
FORK = "fork"
FORK_OF = "fork-of"
FORK_BANNER = "fork-banner"
FORK_TITLE = "fork-title"
FORK_EFFECTS = "fork-effects"
FORK_CANCEL = "fork-cancel"
FORK_BEFORE = "fork-before"
RESUME = "resume"
POINTED = "pointed"
MEASURE = "measure"
FAMILY = "family"
FAMILY_ASKED = "family-asked"
FAMILY_SEEN = "family-seen"


def by_hand(name: str, value: float | None = None) -> dict[str, str]:
    """A button for an intervention: ("scale", 0.5)."""
    return {"type": "by-hand", "name": name, "value": "" if value is None else f"{value:g}"}


def member(run: Any) -> dict[str, Any]:
    """A run in the family tree; ALL matches every run."""
    return {"type": "member", "run": run}


# Again: other seeds, with and without the schedule, beside other runs
AGAIN = "again"
AGAIN_COUNT = "again-count"
AGAIN_SEEDS = "again-seeds"
AGAIN_CONSTANT = "again-constant"
AGAIN_WITH = "again-with"
AGAIN_COMPARE = "again-compare"
AGAIN_REFUSED = "again-refused"
AGAIN_OPEN = "again-open"
AGAIN_LEFT_OUT = "again-left-out"
AGAIN_ADDRESS = "again-address"

# Lab: other runs behind the displayed one
OTHERS = "others"
OTHERS_LIST = "others-list"
OTHERS_NOTE = "others-note"

# Compare
COMPARED = "compared"
COMPARE_HEADING = "compare-heading"
COMPARE_EMPTY = "compare-empty"
COMPARE_QUERY = "compare-query"
COMPARE_VIEW = "compare-view"
COMPARE_REDRAW = "compare-redraw"
COMPARE_CHART = "compare-chart"
COMPARE_LABELS = "compare-labels"
COMPARE_TITLE = "compare-title"
COMPARE_REMARK = "compare-remark"
COMPARE_REFUSED = "compare-refused"
COMPARE_CHOICES = "compare-choices"
COMPARE_ADD = "compare-add"
COMPARE_EXPORT = "compare-export"
COMPARE_METRIC = "compare-metric"
COMPARE_SMOOTH = "compare-smooth"
COMPARE_COLOUR = "compare-colour"
COMPARE_VERDICT = "compare-verdict"
COMPARE_NEW = "compare-new"
COMPARE_LEFT_OUT = "compare-left-out"
SEEDS_COUNT = "seeds-count"
MORE_SEEDS = "more-seeds"
CONSTANT_TOO = "constant-too"

# Runs
RUNS_TABLE = "runs-table"
RUNS_SEARCH = "runs-search"
RUNS_STATES = "runs-states"
RUNS_ARCHIVED = "runs-archived"
RUNS_COLUMNS = "runs-columns"
RUNS_COUNT = "runs-count"
RUNS_SELECTION = "runs-selection"
RUNS_COMPARE = "runs-compare"
RUNS_EXPORT = "runs-export"
RUNS_NOTING = "runs-noting"
RUNS_NOTED = "runs-noted"
RUNS_TROUBLE = "runs-trouble"
RUNS_REFUSED = "runs-refused"
RUNS_DELETED = "runs-deleted"

# Sweep: its settings
SWEEP_FROM = "sweep-from"
SWEEP_BASE = "sweep-base"
SWEEP_BASE_TEXT = "sweep-base-text"
SWEEP_ROWS = "sweep-rows"
SWEEP_SEEDS = "sweep-seeds"
SWEEP_EPOCHS = "sweep-epochs"
SWEEP_WORKERS = "sweep-workers"
SWEEP_HALVING = "sweep-halving"
SWEEP_TRUST = "sweep-trust"
SWEEP_TRUSTED = "sweep-trusted"
SWEEP_COST = "sweep-cost"
SWEEP_REFUSED = "sweep-refused"
SWEEP_START = "sweep-start"
SWEEP_ADD = "sweep-add"
SWEEP_ADD_WHY = "sweep-add-why"
SWEEP_OVER = "sweep-over"
SWEEP_ADDED = "sweep-added"
SWEEP_SHOWN = "sweep-shown"
SWEEP_PROBLEMS = "sweep-problems"
SWEEP_QUERY = "sweep-query"
SWEEP_GO = "sweep-go"
SWEEP_THESE = "sweep-these"
AGAIN_SWEEP = "again-sweep"
RUNS_SWEEP = "runs-sweep"


def sweep_row(part: str, number: Any) -> dict[str, Any]:
    """A control in a row of a sweep's settings, "key" or "values"; ALL matches every row."""
    return {"type": f"sweep-{part}", "row": number}


# Sweep: how to look for an LR
SWEEP_MODE = "sweep-mode"
FIND_WAY = "find-way"
FIND_WORKERS = "find-workers"
FIND_COST = "find-cost"
FIND_REFUSED = "find-refused"
FIND_START = "find-start"
FIND_PROBLEMS = "find-problems"
FIND_QUERY = "find-query"

# Sweep: the one on show
SWEEP_CHOICE = "sweep-choice"
SWEEP_TITLE = "sweep-title"
SWEEP_STATUS = "sweep-status"
SWEEP_COUNTS = "sweep-counts"
SWEEP_REASON = "sweep-reason"
SWEEP_PROGRESS = "sweep-progress"
SWEEP_CONTROLS = "sweep-controls"
SWEEP_DELETED = "sweep-deleted"
SWEEP_EMPTY = "sweep-empty"
SWEEP_HEAT = "sweep-heat"
SWEEP_LOOK = "sweep-look"
SWEEP_NOTE = "sweep-note"
SWEEP_CURSOR = "sweep-cursor"
SWEEP_TIP = "sweep-tip"
SWEEP_LEGEND = "sweep-legend"
SWEEP_TREE = "sweep-tree"
SWEEP_TREE_NOTE = "sweep-tree-note"
SWEEP_TREE_LOOK = "sweep-tree-look"
SWEEP_PARALLEL = "sweep-parallel"
SWEEP_PARALLEL_NOTE = "sweep-parallel-note"
SWEEP_RANKED = "sweep-ranked"
SWEEP_FOUND = "sweep-found"
SWEEP_FOUND_NOTE = "sweep-found-note"
SWEEP_FOUND_NUMBERS = "sweep-found-numbers"
SWEEP_NEXT = "sweep-next"
SWEEP_STATEMENT = "sweep-statement"
SWEEP_CELL = "sweep-cell"
