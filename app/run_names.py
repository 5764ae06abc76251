"""What a run is called, and its state in a word."""

import unicodedata

from trainer.config.table import setting_of
from trainer.config.text import lr_text, plain
from trainer.store.run import Run

MOST_SHOWN = 60  # characters of a file's name
FROM_THE_RIGHT = {"R", "AL"}  # Hebrew and its like, Arabic and its like
WORDS = {"queued": "waiting"}  # where a status is not its own word


def name(run: Run) -> str:
    """What a person calls a run; else what sets it apart."""
    return isolated(run.name) if run.name else default_name(run)


def default_name(run: Run) -> str:
    """What sets a run apart: its schedule, the run that it was forked from, or its file."""
    if run.config is None:
        return origin(run)
    if run.parent and not run.sweep:  # a cell of a sweep has the numbers of a run of its own
        return f"fork of #{run.parent} after {run.parent_epoch}"
    return schedule(run)


def schedule(run: Run) -> str:
    """The schedule in a few words: plateau ÷10, patience 5."""
    recipe = run.recipe
    if "schedule" in run.stand_ins:
        return plain(run.schedule, MOST_SHOWN)
    warmup = f", warm-up {recipe.warmup}" if recipe.warmup else ""
    return plain(recipe.schedule.summary(recipe.lr), MOST_SHOWN) + warmup


def details(run: Run) -> str:
    """What its name leaves out: CNN · Digits · Adam 0.01."""
    config = run.config
    told = name(run)
    words = [] if told == schedule(run) else [schedule(run)]
    if config is None:
        from_where = [] if told == origin(run) else [origin(run)]
        if run.source == "watched":
            words.append(f"{plain(run.optimizer, MOST_SHOWN)} {lr_text(run.recipe.lr)}")
        return " · ".join([*from_where, *words])
    if run.parent and run.name:
        words.insert(0, default_name(run))
    words += [model(config.model), dataset(config.dataset)]
    return " · ".join([*words, f"{config.optimizer.name} {lr_text(config.lr)}"])


def model(value: str) -> str:
    """What a network is called: CNN, or the class of one's own."""
    return setting_of("model").shown(value)


def dataset(value: str) -> str:
    """What a data set is called: Digits, or the name of the folder or file of one's own."""
    return isolated(setting_of("dataset").shown(value).split(" (")[0])


def origin(run: Run) -> str:
    """The file of an imported run, or the script of a watched one, as the page shows it."""
    return isolated(plain(run.origin or run.source, MOST_SHOWN))


def cell(run: Run) -> str:
    """What a cell of a sweep shares with another one, and when it trains; "" of any other run."""
    if run.sweep is None:
        return ""
    told = []
    if run.follows:
        told.append(
            f"Its epochs so far are those of run #{run.parent}, which trains; its own begin where "
            "their schedules part."
        )
    elif run.parent is not None:
        which = f"Its first {run.parent_epoch} epochs"
        if run.parent_epoch == run.epoch:
            which = "All its epochs" if run.over else "Its epochs so far"
        told.append(f"{which} are those of run #{run.parent}.")
    if run.status == "queued":
        told.append("It trains when its turn comes.")
    return " ".join(told)


def isolated(text: str) -> str:
    """A text that does not reorder the words around it if it is written from right to left."""
    if any(unicodedata.bidirectional(letter) in FROM_THE_RIGHT for letter in text):
        return f"\u2068{text}\u2069"
    return text


def status(run: Run) -> list[str]:
    """A run's state, by which the page colours it, and the word for it."""
    if run.paused:
        return ["paused", "paused"]
    if run.source == "imported" and run.status == "finished":
        return ["imported", "imported"]
    if run.follows:
        return [run.status, "sharing"]
    return [run.status, WORDS.get(run.status, run.status)]
