"""Whether a config fits one's own data, before anything of it is trained."""

from ..config.own import in_file
from ..config.run import RunConfig, is_known_data
from ..config.table import ConfigError, check_steps, setting_of
from .survey import Survey, batches, survey

NO_ACCURACY = "This data has numbers to predict, which have no accuracy: monitor val_loss."
FLAT = "mlp"  # the one of LRScope's networks that takes anything
LEAST = {"cnn": 4, "lenet5": 16}  # pixels of a side


def refuse_unfit(config: RunConfig) -> None:
    """Refuse a config that its own data cannot be trained with.

    Raises:
        OwnError: the data cannot be trained on.
        ConfigError: with a sentence beside the setting that does not fit it.
    """
    if is_known_data(config.dataset):
        return
    found = survey(config)
    if sentence := _no_network(config, found):
        raise ConfigError({("model", None): sentence})
    if not found.classes and config.monitor == "val_accuracy":
        raise ConfigError({("monitor", None): NO_ACCURACY})
    check_steps(config, config.epochs - config.warmup, batches(config))


def _no_network(config: RunConfig, found: Survey) -> str | None:
    """Why the network, if it is none of one's own, does not take such samples."""
    setting = setting_of("model")
    called = setting.shown(config.model)
    if in_file(config.model) or config.model == FLAT:
        return None
    if len(found.shape) == 1:
        return (
            f"{called} takes images, and this data has rows of numbers: choose "
            f"{setting.words[FLAT]} or a network of your own."
        )
    _, height, width = found.shape
    least = LEAST.get(config.model, 1)
    if min(height, width) < least:
        return (
            f"{called} takes images of at least {least} pixels, and these have {width} × {height}: "
            f"choose a larger image size or {setting.words[FLAT]}."
        )
    return None
