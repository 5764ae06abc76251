"""The environment that a run trains in, and whether it has changed. torch-free."""

import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..config.own import in_file
from ..config.run import RunConfig
from .events import Started


@cache
def torch_version() -> str:
    """The version of the installed torch, "" if there is none."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return ""


@cache
def cpu_name() -> str:
    """The CPU's model name, as far as the system reports it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def own_changed(config: RunConfig, then: Started, now: Started) -> str | None:
    """A sentence if one's own data or network is no longer what a run began with."""
    own = in_file(config.model)
    changed = [
        what
        for what, before, after in (
            (f"the data in {config.dataset}", then.data, now.data),
            (f"the code in {own.file}" if own else "", then.network, now.network),
        )
        if before and before != after
    ]
    if not changed:
        return None
    have = "has" if len(changed) == 1 else "have"
    told = " and ".join(changed)
    return f"{told[0].upper()}{told[1:]} {have} changed since its first epochs."


def difference(then: Started) -> str | None:
    """A sentence if retraining a run's epochs may give different last bits; None if nothing is
    known to have changed. The GPU is looked for only if torch is loaded.
    """
    changed = [
        f"{what} was {before}, now {now}"
        for what, before, now in (
            ("torch", then.torch, torch_version()),
            ("the CPU", then.cpu, cpu_name()),
        )
        if before and before != now
    ]
    torch = sys.modules.get("torch")
    if torch is not None and then.device.startswith("cuda") and not torch.cuda.is_available():
        changed.append("it trained on a GPU, and there is none now")
    if not changed:
        return None
    return f"Retrained epochs may differ in the last bits: {'; '.join(changed)}."
