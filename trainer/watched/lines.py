"""The lines of a spool, as a watched training writes them. torch-free.

Keys that are not known here are ignored, and so are kinds of lines: a later LRScope may write more.
What cannot be read as written is refused, and each line stands for itself.
"""

import json
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..store.run import CommandName

VERSION = 1  # of spools
Point = tuple[float, float | None, float | None]
"""A batch (from 0), its loss and its LR."""


class Record(BaseModel):
    """A part of a line."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SeenOptimizer(Record):
    """An optimizer's class, and the settings of each of its parameter groups."""

    name: str = Field(alias="class")
    module: str = ""
    groups: list[dict[str, Any]] = []


class SeenScheduler(Record):
    """A scheduler's class, its state, and the schedulers that it is made of."""

    name: str = Field(alias="class")
    module: str = ""
    state: dict[str, Any] = {}
    parts: list["SeenScheduler"] = []


class PartState(Record):
    """The state of one of the schedulers that a scheduler is made of."""

    state: dict[str, Any] = {}


class State(Record):
    """What decides what a scheduler does: the LR and the numbers of each parameter group, its own
    state, and the states of those that it is made of.
    """

    lrs: list[float] = Field(min_length=1)
    groups: list[dict[str, Any]] = []
    state: dict[str, Any] = {}
    parts: list[PartState] = []


class Step(Record):
    """A step of the scheduler, observed: what it was given, and the state before and after."""

    metric: float | None = None
    before: State
    after: State


class Start(Record):
    """The training begins."""

    kind: Literal["start"]
    spool: int
    at: float
    name: str = ""
    pid: int = 0
    host: str = ""
    script: str = ""
    python: str = ""
    torch: str | None = None
    locked: bool = True
    epochs: int | None = None
    batches: int | None = None
    controls: list[CommandName] = []
    monitor: str | None = None
    optimizer: SeenOptimizer | None = None
    scheduler: SeenScheduler | None = None


class Planned(Record):
    """So many epochs are planned in all, those that were added by hand among them."""

    kind: Literal["planned"]
    epochs: int = Field(ge=1)


class First(Record):
    """Its epochs begin with this number: those before it were trained before it was watched."""

    kind: Literal["first"]
    epoch: int = Field(ge=1)


class Controls(Record):
    """It obeys these commands from now on."""

    kind: Literal["controls"]
    controls: list[CommandName]


class InEpoch(Record):
    """`batch` batches of epoch `epoch` are done."""

    kind: Literal["progress"]
    epoch: int = Field(ge=1)
    batch: int = Field(ge=0)
    at: float | None = None
    lr: float | None = None
    trace: list[Point] = []


class EpochDone(Record):
    """An epoch has ended: the LRs that it used, its metrics, and the scheduler's last step in it.

    Attributes:
        lr, lr_last: the LR of its first batch and of its last.
        lrs, next_lrs: the LR of its first batch, and the one now in force, by parameter group.
        batches: how many it had; 0 if that is not known.
        stepped: how many steps the scheduler took in it.
    """

    kind: Literal["epoch"]
    epoch: int = Field(ge=1)
    at: float
    lr: float | None = None
    lr_last: float | None = None
    lrs: list[float] = []
    next_lrs: list[float] = []
    metrics: dict[str, float | None] = {}
    seconds: float = 0.0
    batches: int = 0
    stepped: int = 0
    step: Step | None = None
    trace: list[Point] = []


class Changed(Record):
    """A command has changed the training before batch `batch` (from 0) of `epoch`."""

    kind: Literal["intervened"]
    command: int
    epoch: int = Field(ge=1)
    batch: int = Field(ge=0)
    name: Literal["lr", "scale", "cut", "epochs"]
    value: float | None = None
    lr_before: float
    lr_after: float
    at: float | None = None


class Refused(Record):
    """A command was refused."""

    kind: Literal["refused"]
    command: int
    reason: str


class Obeyed(Record):
    """A command that changes no LR was obeyed."""

    kind: Literal["obeyed"]
    command: int


class Paused(Record):
    """The training stands still, or goes on."""

    kind: Literal["paused", "unpaused"]
    at: float | None = None


class Warning(Record):
    """Something that its user should know."""

    kind: Literal["warned"]
    sentence: str


class End(Record):
    """The training has ended."""

    kind: Literal["end"]
    status: Literal["finished", "stopped", "failed"]
    reason: str | None = None
    at: float | None = None


Line = (
    Start
    | Planned
    | First
    | Controls
    | InEpoch
    | EpochDone
    | Changed
    | Refused
    | Obeyed
    | Paused
    | Warning
    | End
)
LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])
KINDS = {kind for cls in get_args(Line) for kind in get_args(cls.model_fields["kind"].annotation)}


def read(text: bytes) -> Line | None:
    """The line that this text is; None for a kind that is not known here.

    Raises:
        ValueError: it cannot be read, and why, in a clause.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error
    if not isinstance(fields, dict):
        raise ValueError("it is no JSON object")
    if fields.get("kind") not in KINDS:
        return None
    try:
        return LINE.validate_python(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"][1:])) or "it"
        raise ValueError(f"{place}: {first['msg'].lower()}") from error
