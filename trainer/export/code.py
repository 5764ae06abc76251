"""Lines of Python: calls with only the arguments that are not torch's defaults, and branches."""

import inspect
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

WIDTH = 88
DEEPEST = 8  # where a call is written at most, in columns


def call(cls: Any, first: str, arguments: Mapping[str, Any], target: str) -> list[str]:
    """`target = torch.optim.Adam(first, lr=0.01)`, over several lines if it is long.

    Args:
        cls: a class of torch.optim or torch.optim.lr_scheduler.
        arguments: those that are torch's defaults are left out, except the LR.
    """
    home = "torch.optim" if issubclass(cls, torch.optim.Optimizer) else "torch.optim.lr_scheduler"
    parts = [first]
    for name, parameter in inspect.signature(cls).parameters.items():
        if name in arguments and (name == "lr" or arguments[name] != parameter.default):
            parts.append(f"{name}={literal(arguments[name])}")
    start = f"{target} = {home}.{cls.__name__}("
    line = f"{start}{', '.join(parts)})"
    if len(line) <= WIDTH - DEEPEST:
        return [line]
    return [start, *(f"    {part}," for part in parts), ")"]


def literal(value: Any) -> str:
    """A value as it is written in Python."""
    if isinstance(value, Counter):
        return f"Counter({sorted(value.elements())})"
    return repr(value).replace("'", '"')


def comment(text: str) -> list[str]:
    """A comment, over several lines if it is long."""
    return textwrap.wrap(
        text, WIDTH - DEEPEST, initial_indent="# ", subsequent_indent="# ", break_long_words=False
    )


def indented(lines: Iterable[str], by: int = 4) -> list[str]:
    return [" " * by + line if line else line for line in lines]


@dataclass(frozen=True)
class Span:
    """What is done in, or after, the epochs after `after` up to epoch `upto`."""

    after: int
    upto: int
    lines: list[str]


def by_epoch(at: Mapping[int, list[str]], spans: Iterable[Span], epochs: int) -> list[str]:
    """`lines` by epoch: those `at` an epoch, and in any other those of its span.

    Args:
        epochs: how many there are; nothing is said of others.
    """
    ways = [(f"epoch == {epoch}", lines) for epoch, lines in sorted(at.items()) if epoch < epochs]
    left = set(range(1, epochs + 1)) - at.keys()
    for span in _joined(spans):
        own = left & set(range(span.after + 1, span.upto + 1))
        if own and span.lines:
            ways.append((_condition(own, left, epochs), span.lines))
            left -= own
    return branches(ways)


def _condition(own: set[int], left: set[int], epochs: int) -> str:
    """What is true of these of the epochs that are left; "" if it is true of all of them."""
    if own == left:
        return ""
    first, last = min(own), max(own)
    if first == last:
        return f"epoch == {first}"
    if min(left) >= first:
        return f"epoch <= {last}"
    return f"epoch >= {first}" if last == epochs else f"{first} <= epoch <= {last}"


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The spans that are not empty; those that follow each other with the same lines are one."""
    joined: list[Span] = []
    for span in spans:
        if span.upto <= span.after:
            continue
        if joined and joined[-1].lines == span.lines:
            joined[-1] = Span(joined[-1].after, span.upto, span.lines)
        else:
            joined.append(span)
    return joined


def branches(ways: Iterable[tuple[str, list[str]]]) -> list[str]:
    """`if`, `elif` and, for the condition "", `else`, each with its lines."""
    code: list[str] = []
    for condition, lines in ways:
        if not condition and not code:
            return lines
        word = ("elif" if code else "if") if condition else "else"
        code += [f"{word} {condition}".rstrip() + ":", *indented(lines)]
    return code
