"""LRScope in a script or a notebook: `from lrscope import watch, replay`.

This folder is installed as `lrscope`. It exports names from LRScope's own trainer, which is loaded
as `lrscope.trainer`, so that a project may have its own `trainer` or `app`. Importing it is cheap:
heavy modules are loaded when a name is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .own import TRAINER, load

if TYPE_CHECKING:
    from trainer.config.recipe import Recipe
    from trainer.config.run import RunConfig
    from trainer.engine.loop import train
    from trainer.notebook import runs
    from trainer.notebook.sweeps import sweep
    from trainer.replay.replay import preview, replay

    from .scope import Scope, WatchWarning, watch

__all__ = [
    "Recipe",
    "RunConfig",
    "Scope",
    "WatchWarning",
    "preview",
    "replay",
    "runs",
    "sweep",
    "train",
    "watch",
]

# The module of the trainer that each name comes from.
_MODULES = {
    "Recipe": "config.recipe",
    "RunConfig": "config.run",
    "preview": "replay.replay",
    "replay": "replay.replay",
    "sweep": "notebook.sweeps",
    "train": "engine.loop",
}
_WHOLE = {"runs": "notebook.runs"}  # modules that are exported as they are
_OWN = {"Scope": "scope", "WatchWarning": "scope", "watch": "scope"}  # of this package

# As `trainer.watch`, in a checkout, it uses the trainer that contains it.
_trainer = __name__.rpartition(".")[0]
if not _trainer:
    trainer = load(f"{__name__}.trainer", TRAINER)
    _trainer = trainer.__name__


def __getattr__(name: str) -> Any:
    if name not in {**_MODULES, **_WHOLE, **_OWN}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: Any
    if name in _OWN:
        found = getattr(import_module(f"{__name__}.{_OWN[name]}"), name)
    elif name in _WHOLE:
        found = import_module(f"{_trainer}.{_WHOLE[name]}")
    else:
        found = getattr(import_module(f"{_trainer}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
