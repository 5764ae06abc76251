"""The page's address: which run and which tab are on show, and the settings of the form."""

from typing import NamedTuple
from urllib.parse import parse_qsl

from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS, ConfigError, to_config

EVENTS, WHAT_IF, FAMILY = TABS = ("events", "what-if", "family")


class Address(NamedTuple):
    """What an address asks for; `refused` has a sentence for each part of it that is left out."""

    run: int | None
    tab: str
    config: RunConfig
    refused: list[str]


def read(query: str) -> Address:
    """What a URL query asks for: "?run=19&tab=what-if&lr=0.02". A wrong part does not cost the
    others.
    """
    given = dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True))
    run, tab = given.pop("run", ""), given.pop("tab", TABS[0])
    config, refused = _settings(given)
    number = int(run) if run.isascii() and run.isdigit() and len(run) < 18 else None
    if run and not number:
        refused.append(f"There is no run {run[:40]!r}.")
    return Address(number, tab if tab in TABS else TABS[0], config, refused)


def _settings(given: dict[str, str]) -> tuple[RunConfig, list[str]]:
    refused: list[str] = []
    while True:
        try:
            return to_config(given), refused
        except ConfigError as error:
            refused.extend(error.problems.values())
            at_fault = {path for path, _ in error.problems}
            at_fault |= {setting.key for setting in SETTINGS if setting.path in at_fault}
            if not at_fault & given.keys():
                return RunConfig(), refused
            given = {key: value for key, value in given.items() if key not in at_fault}
