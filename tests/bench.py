"""`python -m tests.bench [PART ...]`: how fast LRScope is, beside what it is compared with.

Two things are compared by running them in turns (A, B, A, B ...) on the same machine, after one
turn of each that does not count. A ratio is taken round by round; every figure is the median of
the rounds, with the smallest and the largest beside it.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.profiler import ProfilerActivity
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets import MNIST

from app.cli import Datasets
from trainer import folders, models
from trainer.config import Adam, ReduceLROnPlateau, RunConfig
from trainer.control import Control
from trainer.datasets import DatasetError, Images, load
from trainer.decisions import significant
from trainer.engine import train
from trainer.events import EpochEnded, Event, Progress
from trainer.store import Store
from trainer.worker import Worker

SAME_STEPS = 100
WARM_BATCHES = 50
PROFILED_BATCHES = 200
TIMEOUT = 60.0  # seconds until something that should have happened counts as broken

# The tutorial's setting, spelled out: what is compared does not move with LRScope's defaults.
TUTORIAL = RunConfig(
    dataset="mnist",
    model="cnn",
    optimizer=Adam(),
    lr=0.001,
    schedule=ReduceLROnPlateau(factor=0.1, patience=5),
    monitor="train_loss",
    epochs=1000,
    batch_size=64,
    device="cpu",
)

EMPTY_PAGE = """
import sys
import dash_mantine_components as dmc, waitress
from dash import Dash
app = Dash("empty")
app.layout = dmc.MantineProvider(dmc.Text("empty"))
waitress.serve(app.server, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
"""


@dataclass(frozen=True)
class Figure:
    """One thing that was measured: a value a round, in `unit`."""

    what: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass(frozen=True)
class Report:
    """What a part found. `note` says what is counted on either side."""

    title: str
    note: str
    figures: list[Figure]


@dataclass(frozen=True)
class Plan:
    """What every part is told: the folder of the data sets, and how often to measure."""

    root: Path
    rounds: int


# The tutorial's side


class TutorialCNN(nn.Module):
    """The tutorial's network, written as the tutorial writes it."""

    def __init__(self, in_channels: int = 1, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 8, kernel_size=3, stride=1, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=3, stride=1, padding=1)
        self.fc1 = nn.Linear(16 * 7 * 7, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(nn.functional.relu(self.conv1(x)))
        x = self.pool(nn.functional.relu(self.conv2(x)))
        scores: Tensor = self.fc1(x.reshape(x.shape[0], -1))
        return scores


class Tutorial:
    """The tutorial's training, corrected so that it runs: nothing in it is LRScope's."""

    def __init__(self, model: nn.Module, config: RunConfig) -> None:
        self.model = model
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, factor=0.1, patience=5
        )

    def epoch(self, loader: Iterable[tuple[Tensor, Tensor]]) -> list[float]:
        """Train over the loader once; the loss of each batch."""
        losses = []
        for data, targets in loader:
            loss = self.criterion(self.model(data), targets)
            losses.append(loss.item())
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        self.scheduler.step(sum(losses) / len(losses))
        return losses


class Pictures(Dataset[tuple[Tensor, int]]):
    """The images of any data set through ToTensor, one by one, as torchvision would give them."""

    def __init__(self, images: Images) -> None:
        self.images = images
        self.to_tensor = transforms.ToTensor()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        picture = self.images.x[row].permute(1, 2, 0).numpy()
        return self.to_tensor(picture), int(self.images.y[row])


def torchvision_mnist(root: Path, images: Images) -> MNIST:
    """torchvision's MNIST as the tutorial reads it, holding just these images."""
    mnist = MNIST(root, train=True, transform=transforms.ToTensor())
    mnist.data, mnist.targets = images.x.squeeze(1), images.y
    return mnist


# LRScope's side


def engine(config: RunConfig, root: Path, control: Control | None = None) -> Iterator[Event]:
    """The engine's events. Raises DatasetError where it would have to download."""
    load(config.dataset, root, config.seed)
    return train(config, root, control)


# What the parts measure


def epoch(plan: Plan) -> Report:
    """Seconds for one epoch of MNIST on the CPU: LRScope's engine against the tutorial's loop."""
    splits = load(TUTORIAL.dataset, plan.root, TUTORIAL.seed)
    images = splits.train
    loader = DataLoader(
        torchvision_mnist(plan.root, images), batch_size=TUTORIAL.batch_size, shuffle=True
    )
    tutorial = Tutorial(TutorialCNN(), TUTORIAL)
    events = engine(TUTORIAL, plan.root)
    ours, theirs = in_turns(
        lambda: seconds(lambda: next(e for e in events if isinstance(e, EpochEnded))),
        lambda: seconds(lambda: tutorial.epoch(loader)),
        plan.rounds,
    )
    note = (
        f"CNN 1-8-16, batch {TUTORIAL.batch_size}, Adam {TUTORIAL.lr}, the same {len(images):,} "
        f"training images a side. LRScope's epoch also evaluates {len(splits.val):,} validation "
        "images; the tutorial's has no validation."
    )
    return Report(
        "One MNIST epoch",
        note,
        [
            Figure("tutorial / LRScope", "times", ratios(theirs, ours)),
            Figure("LRScope", "s", ours),
            Figure("tutorial", "s", theirs),
        ],
    )


def same(plan: Plan) -> Report:
    """The largest difference between both loops' losses of one batch: is it the same training?

    With some seeds rounding grows as training goes on, whatever the loop. So the measure is how
    far the tutorial's loop comes from itself when its first weights move by one float32 step.
    """
    configs = [TUTORIAL.model_copy(update={"seed": seed}) for seed in range(plan.rounds)]
    ours = [engine_losses(config, plan.root, SAME_STEPS) for config in configs]
    theirs = [tutorial_losses(config, plan.root, SAME_STEPS) for config in configs]
    moved = [tutorial_losses(config, plan.root, SAME_STEPS, moved=True) for config in configs]
    note = (
        f"The first {SAME_STEPS} steps on MNIST from the same weights in the same order, a seed a "
        "round. For comparison: the tutorial's loop against itself, from weights that are moved "
        "by one float32 step."
    )
    return Report(
        "The same mathematics",
        note,
        [
            Figure("LRScope - tutorial", "loss", tuple(map(largest_difference, ours, theirs))),
            Figure("tutorial, moved", "loss", tuple(map(largest_difference, moved, theirs))),
            Figure("loss of the last step", "loss", tuple(losses[-1] for losses in ours)),
        ],
    )


def page(plan: Plan) -> Report:
    """Seconds from the start of a process to its first answered GET /: lrscope and an empty app."""

    def lrscope() -> float:
        port = free_port()
        with tempfile.TemporaryDirectory() as home:
            options = ["--no-open", "--port", str(port), "--home", home]
            return first_answer([sys.executable, "-m", "app", *options], port)

    def empty() -> float:
        port = free_port()
        return first_answer([sys.executable, "-c", EMPTY_PAGE, str(port)], port)

    ours, theirs = in_turns(lrscope, empty, plan.rounds)
    note = "Each a fresh process on an empty home; the other is Dash, DMC and waitress, one line."
    return Report(
        "The page is up",
        note,
        [
            Figure("LRScope / empty app", "times", ratios(ours, theirs)),
            Figure("LRScope", "s", ours),
            Figure("empty app", "s", theirs),
        ],
    )


def start(plan: Plan) -> Report:
    """Milliseconds from Start to the first epoch in the store, the default run on digits, warm."""
    with tempfile.TemporaryDirectory() as home:
        store = Store(Path(home))
        worker = Worker(store, plan.root)
        worker.start()
        try:
            worker.expect()
            finish(store, store.add(RunConfig(epochs=1)))
            waits = tuple(first_epoch(store) * 1e3 for _ in range(plan.rounds))
        finally:
            worker.stop()
            store.close()
    note = "Store and worker in this process; a run of one epoch was trained before."
    return Report("Start to first epoch", note, [Figure("first epoch", "ms", waits)])


def profile(plan: Plan) -> Report:
    """Where the time of a training batch goes in LRScope's engine, in per cent, on MNIST."""
    turns = [(profiled_batches(plan.root), timed_batches(plan.root)) for _ in range(plan.rounds)]
    profiles = [profiled for profiled, _ in turns]
    note = (
        f"At least {PROFILED_BATCHES} batches a round under torch's profiler. What it costs itself "
        "falls mostly to Python and to small operations; the last two rows tell how much that is."
    )
    return Report(
        "Where a batch's time goes",
        note,
        [
            *(
                Figure(kind, "%", tuple(100 * p.shares[kind] for p in profiles))
                for kind in profiles[0].shares
            ),
            Figure("a batch, profiled", "ms", tuple(1e3 * p.batch for p in profiles)),
            Figure("a batch, not profiled", "ms", tuple(1e3 * bare for _, bare in turns)),
        ],
    )


PARTS: dict[str, Callable[[Plan], Report]] = {
    "epoch": epoch,
    "same": same,
    "page": page,
    "start": start,
    "profile": profile,
}


# Time


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def in_turns(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What each returns, called in turns; the first turn of each warms up and is left out."""
    turns = [(ours(), theirs()) for _ in range(rounds + 1)][1:]
    return tuple(a for a, _ in turns), tuple(b for _, b in turns)


def ratios(above: tuple[float, ...], below: tuple[float, ...]) -> tuple[float, ...]:
    """Round by round, so that what slows the machine for a while slows both sides of a ratio."""
    return tuple(a / b for a, b in zip(above, below, strict=True))


def until(met: Callable[[], bool]) -> None:
    """Ask every millisecond until it is so."""
    deadline = time.monotonic() + TIMEOUT
    while not met():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing after {TIMEOUT:g} seconds")
        time.sleep(0.001)


# Both losses, batch by batch


class FirstLosses(TorchFunctionMode):
    """Notes the first `steps` training losses that are computed under it, then calls `enough`."""

    def __init__(self, steps: int, enough: Callable[[], None]) -> None:
        super().__init__()
        self.steps = steps
        self.enough = enough
        self.values: list[float] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is nn.functional.cross_entropy and result.requires_grad:
            self.values.append(result.item())
            if len(self.values) == self.steps:
                self.enough()
        return result


def engine_losses(config: RunConfig, root: Path, steps: int) -> list[float]:
    """The losses of LRScope's first steps, one a batch."""
    control = Control()
    losses = FirstLosses(steps, control.stop)
    with losses:
        for _ in engine(config, root, control):
            pass
    return losses.values


def tutorial_losses(config: RunConfig, root: Path, steps: int, moved: bool = False) -> list[float]:
    """The losses of the tutorial's first steps, from LRScope's weights and in its order.

    Args:
        moved: start from the next larger float32 of every weight.
    """
    splits = load(config.dataset, root, config.seed)
    seeded = models.build(config.model, splits.train.x, splits.classes, config.seed)
    weights = list(seeded.state_dict().values())
    if moved:
        weights = [torch.nextafter(weight, torch.tensor(torch.inf)) for weight in weights]
    model = TutorialCNN()
    model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
    tutorial, pictures = Tutorial(model, config), Pictures(splits.train)
    losses: list[float] = []
    for batches in orders(len(pictures), config):
        losses += tutorial.epoch(DataLoader(pictures, batch_sampler=batches[: steps - len(losses)]))
        if len(losses) == steps:
            break
    return losses


def orders(images: int, config: RunConfig) -> Iterator[list[list[int]]]:
    """Epoch after epoch, the batches in the order in which the engine takes them."""
    generator = torch.Generator().manual_seed(config.seed)
    while True:
        order = torch.randperm(images, generator=generator)
        yield [batch.tolist() for batch in order.split(config.batch_size)]


def largest_difference(ours: list[float], theirs: list[float]) -> float:
    return max(abs(a - b) for a, b in zip(ours, theirs, strict=True))


# The page


def free_port() -> int:
    from app.server import free_port

    return free_port("127.0.0.1")


def first_answer(command: list[str], port: int) -> float:
    """Seconds from the start of the process to its first answer of 200; the process is ended."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=Path(__file__).parent.parent, stdout=subprocess.DEVNULL)
    try:
        until(lambda: answers(process, port))
        return time.perf_counter() - began
    finally:
        process.kill()
        process.wait()


def answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the process serves its page yet."""
    if process.poll() is not None:
        raise RuntimeError(f"the server ended with {process.returncode}")
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        response.read()
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()
    if response.status != 200:
        raise RuntimeError(f"GET / was answered with {response.status}")
    return True


# Start


def first_epoch(store: Store) -> float:
    """Seconds from queueing the default run to its first epoch; the run is then stopped."""
    began = time.perf_counter()
    run = store.add(RunConfig())
    until(lambda: bool(store.epochs(run)))
    waited = time.perf_counter() - began
    store.stop(run)
    finish(store, run)
    return waited


def finish(store: Store, run: int) -> None:
    """Wait until the run is over."""
    until(lambda: (row := store.run(run)) is not None and row.over)


# The profile


@dataclass(frozen=True)
class Profile:
    """`shares` of the wall time by kind of work, adding up to 1; `batch` in seconds."""

    shares: dict[str, float]
    batch: float


def profiled_batches(root: Path) -> Profile:
    """One round of the profile, on batches of a first epoch."""
    events, began = warm_engine(root)
    with torch.profiler.profile(activities=[ProfilerActivity.CPU]) as profiler:
        wall, batches = further_batches(events, began)
    spent = dict.fromkeys(("convolutions", "optimizer", "gather, convert", "other torch"), 0.0)
    for event in profiler.events() or ():
        if event.cpu_parent is None:
            spent[kind_of_work(event.name)] += event.cpu_time_total / 1e6
    spent["Python"] = wall - sum(spent.values())
    return Profile({kind: time / wall for kind, time in spent.items()}, wall / batches)


def timed_batches(root: Path) -> float:
    """Seconds for a batch, without the profiler."""
    wall, batches = further_batches(*warm_engine(root))
    return wall / batches


def warm_engine(root: Path) -> tuple[Iterator[Event], int]:
    """A run in its first epoch, and the batches that it has done: WARM_BATCHES or a few more."""
    events = engine(TUTORIAL, root)
    progress = (event.batch for event in events if isinstance(event, Progress))
    return events, next(done for done in progress if done >= WARM_BATCHES)


def further_batches(events: Iterator[Event], done: int) -> tuple[float, int]:
    """Train at least PROFILED_BATCHES more: the wall time in seconds and the batches.

    Counted by the engine's own Progress, so it must fit into the rest of the epoch.
    """
    began = time.perf_counter()
    for event in events:
        if isinstance(event, EpochEnded):
            break
        if isinstance(event, Progress) and event.batch - done >= PROFILED_BATCHES:
            return time.perf_counter() - began, event.batch - done
    raise RuntimeError(f"the epoch has no {PROFILED_BATCHES} batches after batch {done}")


def kind_of_work(operation: str) -> str:
    """The kind of an operation that Python calls, by the profiler's name for it."""
    if operation.startswith("Optimizer."):
        return "optimizer"
    if "conv" in operation.lower():
        return "convolutions"
    if operation in ("aten::index", "aten::to", "aten::div_"):
        return "gather, convert"
    return "other torch"


# The command


def machine() -> dict[str, str | int | float]:
    """What the figures were measured on, and how busy it was: the load of the last minute."""
    return {
        "platform": platform.platform(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0,
    }


def as_table(report: Report) -> Table:
    table = Table(title=report.title, title_justify="left")
    table.add_column()
    for heading in ("median", "smallest", "largest"):
        table.add_column(heading, justify="right")
    table.add_column("unit")
    for figure in report.figures:
        numbers = (figure.median, min(figure.values), max(figure.values))
        table.add_row(figure.what, *map(significant, numbers), figure.unit)
    return table


def as_json(reports: dict[str, Report]) -> str:
    parts = {
        name: {
            "title": report.title,
            "note": report.note,
            "figures": [{**asdict(f), "median": f.median} for f in report.figures],
        }
        for name, report in reports.items()
    }
    return json.dumps({"machine": machine(), "parts": parts}, indent=2, allow_nan=False)


def main(
    parts: Annotated[
        list[str] | None, typer.Argument(help=f"{', '.join(PARTS)}; all by default.")
    ] = None,
    datasets: Datasets = None,
    rounds: Annotated[int, typer.Option(min=1, help="Fewer than 5 are a quick look.")] = 5,
    json_: Annotated[bool, typer.Option("--json", help="JSON, with every round.")] = False,
) -> None:
    """Measure LRScope, each part against what it is to be compared with."""
    chosen = parts or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}.")
    plan = Plan(datasets or folders.datasets(), rounds)
    console, waiting = Console(), Console(stderr=True)
    reports = {}
    if not json_:
        console.print(", ".join(f"{name} {value}" for name, value in machine().items()), end="\n\n")
    for name in chosen:
        try:
            with waiting.status(f"Measuring {name}"):
                reports[name] = PARTS[name](plan)
        except DatasetError as error:
            print(f"bench: {error}", file=sys.stderr)
            raise typer.Exit(2) from None
        if not json_:
            console.print(as_table(reports[name]))
            console.print(reports[name].note, end="\n\n")
    if json_:
        print(as_json(reports))


if __name__ == "__main__":
    typer.run(main)
