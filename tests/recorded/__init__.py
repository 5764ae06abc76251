"""What the first edition of LRScope computed, recorded before its code was rearranged.

`runs.json` has 24 trainings (settings, interventions, a resume or a fork, and every epoch),
`home-1` a folder of runs as version 1 of the store wrote it, `home-1.json` what it held and what
the first edition made of going on with it, `bounds.json` the bounds of its settings. `home-2` and
`home-2.json` are the same of version 2, `home-3` and `home-3.json` of version 3, `home-4` and
`home-4.json` of version 4. None of them is ever written again.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

from trainer.engine import environment as machine

FOLDER = Path(__file__).parent
# Another CPU or another torch rounds differently, and training drifts apart from there: elsewhere
# only the first record is compared, to this share.
ELSEWHERE = 0.05


def recorded(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def machine_here() -> dict[str, str]:
    """What the last bits of a loss depend on. CPUs of one name may have other instructions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    can = next((line for line in lines if line.startswith("flags")), "")
    instructions = hashlib.sha256(" ".join(sorted(can.split())).encode()).hexdigest()[:16]
    return {
        "torch": machine.torch_version(),
        "cpu": machine.cpu_name(),
        "instructions": instructions,
    }


def agrees(found: list[Any], then: list[Any], exactly: bool) -> bool:
    """Whether what was found is what was recorded: bit by bit, or elsewhere nearly at first."""
    if exactly:
        return found == then
    return len(found) == len(then) and _near(found[0], then[0])


def _near(found: Any, then: Any) -> bool:
    if isinstance(then, dict):
        return found.keys() == then.keys() and all(_near(found[key], then[key]) for key in then)
    if isinstance(then, float):
        return math.isclose(found, then, rel_tol=ELSEWHERE, abs_tol=ELSEWHERE)
    return bool(found == then)
