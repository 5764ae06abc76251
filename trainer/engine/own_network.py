"""Networks from a file of one's own, whose code runs here: built, tried, and blamed by file and
line for what goes wrong in them.
"""

import hashlib
import inspect
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..config.own import InFile
from ..config.text import plain
from ..own import source
from ..own.places import innermost
from .errors import EngineError

MODULE = "lrscope_network"  # the name that the file's code runs under
MOST_SHOWN = 300  # characters of an error
ONE_SAMPLE = "Expected more than 1 value per channel when training"
_loading = threading.Lock()  # sys.path and sys.modules are everyone's


class NetworkError(EngineError):
    """One's own network cannot be built or trained; the message is one sentence, with the line."""


class Own(NamedTuple):
    """A network of one's own: `stamp` is another text after its code has changed; `notes` say what
    a person should know of it, a sentence each.
    """

    network: nn.Module
    stamp: str
    notes: tuple[str, ...]


def build(own: InFile, offered: Mapping[str, int]) -> Own:
    """Run the file, and build its network on the CPU, with those of the `offered` numbers that it
    takes by name.

    Raises:
        NetworkError: there is no such network, or its code fails.
        OwnError: the file cannot be read, or is no Python.
    """
    code = source.read(own.file)
    notes: list[str] = []
    with blamed(own):
        module, imported = _run(own.file, code)
        made = getattr(module, own.name, None)
        if made is None:
            found = ", ".join(source.names(own.file)) or "no class and no function"
            raise NetworkError(f"{own.file} has no {own.name}: it has {found}.")
        if isinstance(made, nn.Module):
            network = made
        else:
            given, notes = _arguments(own, made, offered)
            network = made(**given)
    if not isinstance(network, nn.Module):
        kind = type(network).__name__
        raise NetworkError(f"{own.name} in {own.file} makes no torch.nn.Module but a {kind}.")
    digest = hashlib.sha256(code)
    for path in imported:
        digest.update(path.read_bytes())
    return Own(network, digest.hexdigest()[:16], (*notes, *_unknowable(own, code, network)))


def tried(own: InFile, network: nn.Module, shape: tuple[int, ...], outputs: int) -> "Checked":
    """The network as the loop calls it, after it took two samples in its mode of evaluation, which
    changes nothing in it but gives lazy layers their sizes.

    Raises:
        NetworkError: its code fails, its scores have another shape, or it has nothing to train.
    """
    checked = Checked(own, network, outputs)
    with blamed(own), torch.no_grad():
        checked.eval()(torch.zeros(2, *shape))
    if not any(weights.requires_grad for weights in network.parameters()):
        raise NetworkError(f"{own.name} in {own.file} has no parameters to train.")
    return checked


def _run(file: str, code: bytes) -> tuple[ModuleType, list[Path]]:
    """The module of a file, and the files beside it that it imported."""
    folder = Path(file).parent
    module = ModuleType(MODULE)
    module.__file__ = file
    with _loading:
        before = set(sys.modules)
        sys.modules[MODULE] = module
        sys.path.insert(0, str(folder))
        try:
            # Not by a loader, which would write its bytecode beside the file and might take an old.
            exec(compile(code, file, "exec", dont_inherit=True), module.__dict__)
        finally:
            sys.path.remove(str(folder))
            beside = {
                name: Path(path)
                for name in set(sys.modules) - before
                if (path := getattr(sys.modules[name], "__file__", None))
                and Path(path).is_relative_to(folder)
            }
            for name in beside:  # read again when it is next imported: it may have changed
                if name != MODULE:
                    del sys.modules[name]
    return module, sorted({path for path in beside.values() if str(path) != file})


def _arguments(
    own: InFile, made: Any, offered: Mapping[str, int]
) -> tuple[dict[str, int], list[str]]:
    """What a class or function takes of the offered numbers, and a note if that is none."""
    if not callable(made):
        raise NetworkError(f"{own.name} in {own.file} is no class and no function.")
    taken = inspect.signature(made).parameters.values()
    wanted = {p.name for p in taken if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    needed = {p.name for p in taken if p.default is p.empty and p.name in wanted}
    if lacking := sorted(needed - offered.keys()):
        known = ", ".join(offered)
        raise NetworkError(
            f"{own.name} in {own.file} needs {lacking[0]!r}, which is not known here: give it a "
            f"default; what is known of this data is {known}."
        )
    given = {name: number for name, number in offered.items() if name in wanted}
    none = f"{own.name} takes none of {', '.join(offered)}: it is built as its file says."
    return given, [] if given else [none]


def _unknowable(own: InFile, code: bytes, network: nn.Module) -> Iterator[str]:
    """What a snapshot cannot have of a network."""
    what = "a resumed run or a fork may differ from one that was not interrupted."
    name = Path(own.file).name
    if line := source.draws_at(code):
        yield f"{name} has a generator of its own in line {line}, which no snapshot has: {what}"
    if any(module._non_persistent_buffers_set for module in network.modules()):
        yield f"{own.name} has a buffer that is not persistent, which no snapshot has: {what}"


class Checked(nn.Module):
    """A network of one's own as the loop calls it: with contiguous images, since its code may take
    views of them; refuses scores of another shape than [n, outputs].
    """

    def __init__(self, own: InFile, network: nn.Module, outputs: int) -> None:
        super().__init__()
        self.network = network
        self._own, self._outputs = own, outputs

    def forward(self, x: Tensor) -> Tensor:
        # A copy: the strides of grey images are those of both orders, and layers take the other.
        scores = self.network(x.clone(memory_format=torch.contiguous_format))
        if isinstance(scores, Tensor) and scores.shape == (len(x), self._outputs):
            return scores
        if isinstance(scores, Tensor) and scores.shape == (len(x),) and self._outputs == 1:
            return scores.unsqueeze(1)
        wanted = f"[{len(x)}, {self._outputs}]"
        gave = list(scores.shape) if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        raise NetworkError(
            f"{_place(self._own.file, type(self.network).forward)}: {self._own.name} returns "
            f"{gave} for {len(x)} samples, and must return {wanted}."
        )


def _place(file: str, function: Callable[..., Any]) -> str:
    """The file and line where a function begins; the file alone if it is not there."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{file}, line {code.co_firstlineno}" if code and code.co_filename == file else file


@contextmanager
def blamed(own: InFile) -> Iterator[None]:
    """Turn what is raised in the block by the file's code into a NetworkError."""
    try:
        yield
    except (EngineError, GeneratorExit, KeyboardInterrupt):
        raise
    except (Exception, SystemExit) as error:
        place = _blame(own, error)
        if place is None:
            raise
        raise NetworkError(f"{place}: {_words(error)}") from error


def _blame(own: InFile, error: BaseException) -> str | None:
    """The innermost line in the file, or in one beside it, that an error passed through; the file
    for an error of torch's of which none is known. None if it is not the file's.
    """
    frames = traceback.extract_tb(error.__traceback__)
    at = innermost(own.file, [(frame.filename, frame.lineno or 1) for frame in frames])
    if at is None and frames:
        of_torch = any(part in frames[-1].filename for part in ("/torch/", "\\torch\\"))
        return f"{own.name} in {own.file} cannot be trained" if of_torch else None
    return at


def _words(error: BaseException) -> str:
    first = next(iter(str(error).splitlines()), "").rstrip(". ")
    if isinstance(error, SystemExit):
        return "it ends the program (SystemExit)."
    hint = ""
    if first.startswith(ONE_SAMPLE):
        hint = " The last batch of an epoch has one sample: choose another batch size."
    return f"{plain(f'{type(error).__name__}: {first}', MOST_SHOWN)}.{hint}"
