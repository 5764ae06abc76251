"""Loads LRScope's own packages by location rather than by sys.path, since the user's project may
have its own `app` or `trainer`.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).resolve().parent
# The parent of this folder in a checkout, next to it in an installation.
TRAINER = _HERE.parent if _HERE.name == "watch" else _HERE.parent / "trainer"
APP = TRAINER.parent / "app"


def load(name: str, folder: Path) -> ModuleType:
    """Load the package in that folder under that name, whatever else on sys.path has the name.

    Raises:
        ImportError: the folder is not a package.
    """
    file = folder / "__init__.py"
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ == str(file):
        return loaded
    spec = spec_from_file_location(name, file, submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None or not file.is_file():
        raise ImportError(f"LRScope is incomplete: {folder} is missing; reinstall LRScope.")
    package = module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)
    return package
