"""Refuses data and networks of one's own that cannot be trained, or that nobody has trusted."""

from trainer.config.own import in_file
from trainer.config.run import RunConfig, is_known_data, shape
from trainer.config.table import ConfigError
from trainer.own.errors import OwnError
from trainer.own.fitting import refuse_unfit
from trainer.own.looking import look
from trainer.own.survey import refuse_too_large, survey
from trainer.store.faults import CommandError

NOT_TRUSTED = 'Tick "Run the code in this file" first: the network\'s file runs on this machine.'


def check(config: RunConfig) -> None:
    """Refuse data of one's own that cannot be trained on, or not with this config.

    Raises:
        ConfigError: with a sentence beside the setting at fault.
    """
    if is_known_data(config.dataset):
        return
    try:
        refuse_unfit(config)
        refuse_too_large(survey(config))
    except OwnError as error:
        raise ConfigError({("dataset", None): str(error)}) from error


def ask_for_trust(config: RunConfig, trusted: bool | None) -> None:
    """Refuse to run the code of a file that was named by an address or filled in, and not ticked.

    Raises:
        CommandError: it was not.
    """
    if in_file(config.model) and not trusted:
        raise CommandError(NOT_TRUSTED)


def refuse_broken(config: RunConfig) -> None:
    """Refuse a network of one's own that cannot be built, before a run of it is queued.

    Raises:
        CommandError: it cannot; the sentence names the file and the line.
    """
    if not in_file(config.model):
        return
    try:
        look(config.model, *sample_of(config))
    except OwnError as error:
        raise CommandError(str(error)) from error


def sample_of(config: RunConfig) -> tuple[tuple[int, ...], int]:
    """The shape of a sample, and the number of classes."""
    if is_known_data(config.dataset):
        return shape(config.dataset), 10
    found = survey(config)
    return found.shape, len(found.classes)
