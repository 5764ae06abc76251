"""Whether a config fits one's own data, before anything of it is trained."""

from ..config.run import RunConfig, is_known_data
from ..config.table import ConfigError, check_steps
from .survey import batches, survey

NO_ACCURACY = "This data has numbers to predict, which have no accuracy: monitor val_loss."


def refuse_unfit(config: RunConfig) -> None:
    """Refuse a config that its own data cannot be trained with.

    Raises:
        OwnError: the data cannot be trained on.
        ConfigError: with a sentence beside the setting that does not fit it.
    """
    if is_known_data(config.dataset):
        return
    found = survey(config)
    if not found.classes and config.monitor == "val_accuracy":
        raise ConfigError({("monitor", None): NO_ACCURACY})
    check_steps(config, config.epochs - config.warmup, batches(config))
