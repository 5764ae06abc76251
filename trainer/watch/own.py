"""LRScope's own packages, from where LRScope lies and not by the order of sys.path: the folder
that a person works in may have an `app` or a `trainer` too.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).resolve().parent
# Around this folder in a checkout, beside it where LRScope was installed.
TRAINER = _HERE.parent if _HERE.name == "watch" else _HERE.parent / "trainer"
APP = TRAINER.parent / "app"


def load(name: str, folder: Path) -> ModuleType:
    """The package of that folder under that name, whatever else on sys.path has the name.

    Raises:
        ImportError: the folder holds no package.
    """
    file = folder / "__init__.py"
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ == str(file):
        return loaded
    spec = spec_from_file_location(name, file, submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None or not file.is_file():
        raise ImportError(f"LRScope is not whole: {folder} is missing; install it again.")
    package = module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)
    return package
