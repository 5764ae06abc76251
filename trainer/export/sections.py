"""The parts of a run's script, which are also those of its notebook."""

from dataclasses import dataclass

from ..config.run import RunConfig
from ..config.table import setting_of
from ..config.text import epochs_text, lr_text, plain
from . import data, networks
from .course import Course
from .training import loop, setup, training

PIXELS = '''
def pixels(x):
    """uint8 images as float32 from 0 to 1."""
    return x.to(torch.float32, memory_format=torch.channels_last).div_(255)
'''
EVALUATE = '''
@torch.inference_mode()
def evaluate(x, y):
    """The mean loss over these images, and the accuracy."""
    model.eval()
    loss = correct = 0
    for x_part, y_part in zip(x.split(1000), y.split(1000)):
        scores = model(pixels(x_part))
        loss += cross_entropy(scores, y_part, reduction="sum")
        correct += (scores.argmax(1) == y_part).sum()
    return (loss / len(y)).item(), (correct / len(y)).item()
'''


@dataclass(frozen=True)
class Section:
    """A part of the code under a title, and a sentence on it ("" if it needs none)."""

    title: str
    about: str
    code: str


@dataclass(frozen=True)
class Form:
    """What a script and a notebook say differently: the lines that set `root`, the folder of the
    data sets, and the line that shows `test_loss` and `test_accuracy`.
    """

    root: list[str]
    test: str


def title(course: Course) -> str:
    """What is trained: the model and data, the optimizer and its LR, the schedules."""
    config = course.stretches[0].config
    dataset = setting_of("dataset").words[config.dataset].split(" (")[0]
    schedules = [stretch.config.schedule.name for stretch in course.stretches]
    names: list[str] = [
        s for i, s in enumerate(schedules) if s != "none" and s not in schedules[:i]
    ]
    return ", ".join(
        [
            f"{setting_of('model').words[config.model]} on {dataset}",
            f"{config.optimizer.name} {lr_text(config.lr)}",
            *(names or ["constant LR"]),
            *([f"warm-up {config.warmup}"] if config.warmup else []),
        ]
    )


def about(course: Course) -> list[str]:
    """What the code does, and whether its numbers are the run's: a paragraph each."""
    run, started = course.run, course.run.started
    paragraphs = [
        f"The training of LRScope's run {run.id} in plain PyTorch. It prints a line an epoch: its "
        "number, the LR of its first batch, train loss, validation loss and validation accuracy."
    ]
    if run.over and course.epochs < run.epochs:
        end = (
            f"{run.status} after epoch {course.epochs}" if run.status != "diverged" else "diverged"
        )
        paragraphs.append(
            f"The run of {epochs_text(run.epochs)} {'was ' * (run.status == 'stopped')}{end}: its "
            f"{epochs_text(course.epochs)} are trained here."
        )
    if started is None:
        paragraphs.append("The run has not been trained: there are no numbers to compare with.")
    elif course.device != "cpu":
        paragraphs.append(
            f"The run was trained on a GPU ({course.device}), which adds numbers in an order of "
            "its own: the numbers here are close to the run's, but not bit by bit the same."
        )
    else:
        where = [("torch", started.torch), ("the CPU", started.cpu)]
        words = " and ".join(f"{what} {_safe(value)}" for what, value in where if value)
        paragraphs.append(
            f"The numbers are the run's, bit by bit, with {words or 'its torch and CPU'}; with "
            "another version or CPU the last digits may differ."
        )
    return paragraphs


def sections(course: Course, form: Form) -> list[Section]:
    """The parts of the code, in order."""
    config, made = course.config, training(course)
    moved = "" if course.device == "cpu" else f'.to("{course.device}")'
    optimizer = "\n".join(setup(course, made))
    trained = "\n".join(loop(course, made, moved))
    parts = [
        Section(
            "Data", _data(config), data.code(config.dataset, config.seed, course.tested, moved)
        ),
        Section("Network", "", _network(config, moved)),
        Section("Evaluation", "", f"{PIXELS.strip()}\n\n\n{EVALUATE.strip()}"),
        Section("Optimizer and schedule", "", optimizer),
        Section("Training", "", trained),
    ]
    if course.tested:
        test = f"test_loss, test_accuracy = evaluate(x_test, y_test)\n{form.test}"
        parts.append(Section("Test", "", test))
    start = [f"torch.set_num_threads({course.threads})"] if course.threads else []
    start += [] if data.is_bundled(config.dataset) else form.root
    imports = _imports(config, "\n".join([*start, *(part.code for part in parts)]))
    return [Section("Imports", "", "\n".join([*imports, *(["", *start] if start else [])])), *parts]


def _imports(config: RunConfig, code: str) -> list[str]:
    standard = [
        f"import {name}" for name in ("argparse", "base64", "bz2", "sys") if f"{name}." in code
    ]
    if "Counter(" in code:
        standard.append("from collections import Counter")
    bundled = data.is_bundled(config.dataset)
    others = [
        "import torch",
        *(["import torchvision"] if "torchvision." in code else []),
        "from torch import nn",
        f"from torch.nn.functional import cross_entropy{', interpolate' if bundled else ''}",
    ]
    return [*standard, *([""] if standard else []), *others]


def _data(config: RunConfig) -> str:
    if data.is_bundled(config.dataset):
        return (
            "Scikit-learn's digits, packed, enlarged to MNIST's size: 360 to test, 360 to validate."
        )
    return "A tenth of the training images is for validation."


def _network(config: RunConfig, moved: str) -> str:
    built = networks.code(config.model, data.images(config.dataset))
    laid = "model = model.to(memory_format=torch.channels_last)"
    return f"torch.manual_seed({config.seed})\n{built}\n{laid}{moved}"


def _safe(text: str) -> str:
    """A recorded name that ends no docstring."""
    return plain(text, 80).replace("\\", "/").replace('"', "'")
