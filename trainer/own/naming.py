"""What to name in the file of a network, where a path alone was given for it."""

import re

from ..config.own import in_file, whole
from ..config.table import ConfigError
from . import source
from .errors import OwnError

FILE_ALONE = re.compile(r"(?P<file>.+\.py):?", re.DOTALL)
MOST_NAMED = 6


def with_names(refused: ConfigError, model: str | None) -> ConfigError:
    """A refusal, which says what the file has if a file alone was given as the model. The file is
    read and not run.
    """
    found = FILE_ALONE.fullmatch((model or "").strip())
    if found is None or ("model", None) not in refused.problems:
        return refused
    return ConfigError({**refused.problems, ("model", None): _sentence(found["file"])})


def _sentence(given: str) -> str:
    own = in_file(whole(f"{given}:Net"))
    file = own.file if own else given
    try:
        names = source.definitions(file)
    except OwnError as error:
        return str(error)
    if not names:
        return f"{file} has no class and no function that makes a network."
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (
        f"Model must name what makes the network, as in {given}:{names[0]}; {file} has "
        f"{', '.join(names[:MOST_NAMED])}{more}."
    )
