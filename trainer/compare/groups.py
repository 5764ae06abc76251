"""Which runs have the same setting: all that determines a run but its seed. Pure."""

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from ..config.own import called
from ..config.recipe import Recipe
from ..config.run import RunConfig
from ..config.table import SETTINGS, Setting, chosen, from_config
from ..config.text import lr_text, plain

SEED = "seed"
NOTHING = "\N{EN DASH}"
MOST_SHOWN = 60  # characters of a schedule's summary
# What a line on a run begins with, whatever its values.
ALWAYS_TOLD = ("model", "dataset", "optimizer", "batch-size", "epochs")


class Past(NamedTuple):
    """Something besides its recipe that determined a run, such as a fork: in words, and as a key
    that is equal where it is the same.

    Attributes:
        details: all of it, for a table; empty where the words say all.
        by_hand: whether it was done by hand.
    """

    words: str
    key: Hashable
    details: str = ""
    by_hand: bool = False


class Compared(NamedTuple):
    """A run as a comparison sees it.

    Attributes:
        unknown: what those parts of its recipe are called that only stand for one that LRScope
            does not know: ("optimizer", "Lion").
    """

    run: int
    recipe: Recipe
    past: tuple[Past, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()

    @property
    def seed(self) -> int | None:
        """Its seed; None for a run that was not trained here."""
        return self.recipe.seed if isinstance(self.recipe, RunConfig) else None


@dataclass(frozen=True)
class Group:
    """The runs of one setting, in the order given.

    Attributes:
        name: what sets it apart from the other groups: plateau ÷10, patience 5. Where nothing in
            words does, also its first run: flowers #2.
        short: the first word of that, where it is enough: plateau; for what was changed by hand,
            its first run: #2 by hand.
    """

    name: str
    short: str
    members: tuple[Compared, ...]

    @property
    def recipe(self) -> Recipe:
        """The recipe of its first run."""
        return self.members[0].recipe

    @property
    def past(self) -> tuple[Past, ...]:
        return self.members[0].past

    @property
    def by_hand(self) -> bool:
        """Whether its runs were changed by hand."""
        return any(past.by_hand for past in self.past)

    @property
    def runs(self) -> list[int]:
        return [member.run for member in self.members]

    @cached_property
    def by_seed(self) -> dict[int, int]:
        """A run for each seed, the last one given."""
        return {member.seed: member.run for member in self.members if member.seed is not None}


class Difference(NamedTuple):
    """A setting that differs: its label, and its value in each group."""

    label: str
    values: tuple[str, ...]


def grouped(runs: Sequence[Compared]) -> list[Group]:
    """The runs by setting, in the order in which the settings first occur."""
    found: dict[Hashable, list[Compared]] = {}
    for run in runs:
        found.setdefault((setting_of(run.recipe), run.past, run.unknown), []).append(run)
    members = [tuple(group) for group in found.values()]
    names = _names([group[0] for group in members])
    groups = [Group(name, name, own) for name, own in zip(names, members, strict=True)]
    if len(groups) == 1:
        return [replace(groups[0], short=_first_word(groups[0].name))]
    first = [_first_word(group.name) for group in groups if not group.by_hand]
    enough = len(set(first)) == len(first)
    return [
        replace(group, short=f"#{group.runs[0]} by hand")
        if group.by_hand
        else replace(group, short=_first_word(group.name))
        if enough
        else group
        for group in groups
    ]


def setting_of(recipe: Recipe) -> Hashable:
    """All of a recipe but its seed."""
    return recipe.model_dump_json(exclude={SEED})


def differences(groups: Sequence[Group]) -> list[Difference]:
    """The settings in which the groups differ, in the order of the form. Of another schedule or
    optimizer, what matters most and what is not its default.
    """
    values = [_values(group.members[0]) for group in groups]
    found = []
    for key in _differing(values):
        owned = [_of(group.members[0], key) for group in groups]
        texts = _texts(owned, [v.get(key) for v in values])
        own = [(s, v[key]) for s, v in zip(owned, values, strict=True) if s]
        everywhere = len(own) == len(groups) and len({s.owner for s, _ in own}) == 1
        if everywhere or any(s.main or value != s.default for s, value in own):
            found.append(Difference(own[0][0].label, texts))
    if len({group.past for group in groups}) > 1:
        told = (", ".join(p.details or p.words for p in group.past) or NOTHING for group in groups)
        found.append(Difference("Besides", tuple(told)))
    return found


def _texts(settings: Sequence[Setting | None], values: Sequence[Any]) -> tuple[str, ...]:
    """The values as a table has them: a path by its last part, unless that is another's, too."""
    pairs = zip(settings, values, strict=True)
    whole = tuple(s.text(value) if s else NOTHING for s, value in pairs)
    short = tuple(
        called(text) if s and s.own else text for s, text in zip(settings, whole, strict=True)
    )
    return short if len(set(short)) == len(set(whole)) else whole


def shared(groups: Sequence[Group]) -> str:
    """What is the same in all groups, in a line: CNN, Digits, Adam 0.01, batch 64, 40 epochs."""
    first = groups[0].members[0]
    values = _values(first)
    apart = _differing([_values(group.members[0]) for group in groups])
    words = []
    for key in (*ALWAYS_TOLD, *values):
        setting = _of(first, key)
        if setting is None or key in apart:
            continue
        if key == "optimizer":
            lr = [] if "lr" in apart else [lr_text(first.recipe.lr)]
            words.append(" ".join([values[key], *lr]))
        elif key in ALWAYS_TOLD:
            words.append(in_words(setting, values[key]))
        elif key == "schedule":
            words += _same_schedule(groups, apart)
        elif setting.group != "schedule" and key != "lr" and values[key] != setting.default:
            words.append(in_words(setting, values[key]))
    return ", ".join(dict.fromkeys(words))


def _same_schedule(groups: Sequence[Group], apart: Collection[str]) -> list[str]:
    """What is the same of a schedule that all groups have: its summary, or else its name and those
    of its main settings that do not differ.
    """
    first = groups[0].members[0]
    values = _values(first)
    owned = (_of(first, key) for key in values)
    main = [s for s in owned if s and s.group == "schedule" and s.main and s.key != "schedule"]
    same = [setting for setting in main if setting.key not in apart]
    if same == main and len({_summary(group.members[0]) for group in groups}) == 1:
        return [_summary(first)]
    return [_first_word(_summary(first)), *(in_words(s, values[s.key]) for s in same)]


def _first_word(name: str) -> str:
    return name.split(",")[0].split()[0]


def same_until(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """The number of epochs up to which two runs trained the same numbers, given what was recorded
    of each epoch.
    """
    pairs = zip(first, second, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def _names(firsts: Sequence[Compared]) -> list[str]:
    """What sets each of these runs apart from the others. A value that most of them have is left
    out.
    """
    if len(firsts) == 1:
        return [_summary(firsts[0])]
    values = [_values(run) for run in firsts]
    apart = _differing(values)
    summaries = [_summary(run) for run in firsts]
    names: list[list[str]] = [[] for _ in firsts]
    if len(set(summaries)) > 1:
        for name, summary in zip(names, summaries, strict=True):
            name.append(summary)
    differ = len({run.past for run in firsts}) > 1
    pasts = [[past.words for past in run.past] if differ else [] for run in firsts]
    for of_schedule in (False, True):
        # A schedule's summary has its most important settings; the others, where it takes them.
        whole = {(*name, *past) for name, past in zip(names, pasts, strict=True)}
        if of_schedule and len(whole) == len(names):
            break
        for key in apart:
            for run, own, name in zip(firsts, values, names, strict=True):
                setting = _of(run, key)
                if setting is None or key == "schedule":
                    continue
                if (setting.group == "schedule") is not of_schedule:
                    continue
                usual = sum(other.get(key) == own[key] for other in values) > len(values) / 2
                words = in_words(setting, own[key])
                if not usual and _is_told(setting, own[key]) and words not in _parts(name):
                    name.append(words)
    told = [
        ", ".join([*name, *past]) or _summary(run)
        for run, name, past in zip(firsts, names, pasts, strict=True)
    ]
    several = {words for words, count in Counter(told).items() if count > 1}
    return [
        f"{words} #{run.run}" if words in several else words
        for run, words in zip(firsts, told, strict=True)
    ]


def _parts(name: Sequence[str]) -> set[str]:
    return {part for words in name for part in words.split(", ")}


def _is_told(setting: Setting, value: Any) -> bool:
    """Whether a name has this setting: an optimizer's own ones only where they are unusual."""
    return setting.group == "run" or value != setting.default


def _summary(run: Compared) -> str:
    unknown = dict(run.unknown).get("schedule")
    return plain(unknown or run.recipe.schedule.summary(run.recipe.lr), MOST_SHOWN)


def _values(run: Compared) -> dict[str, Any]:
    """The settings by key, as far as they are known."""
    values, unknown = from_config(run.recipe), dict(run.unknown)
    claimed = {s.key for s in chosen(values, type(run.recipe)) if s.group in unknown}
    known = {key: value for key, value in values.items() if key not in {SEED, *claimed}}
    return {**known, **unknown}


def _differing(values: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys whose values are not the same everywhere, in the order of the form."""
    keys = dict.fromkeys(setting.key for setting in SETTINGS)
    absent = object()
    return [
        key
        for key in keys
        if any(key in own for own in values)
        and any(own.get(key, absent) != values[0].get(key, absent) for own in values)
    ]


def _of(run: Compared, key: str) -> Setting | None:
    """The run's setting with that key; None if it has none, or it is not known."""
    recipe = run.recipe
    found = next((s for s in chosen(from_config(recipe), type(recipe)) if s.key == key), None)
    return None if found and found.group in dict(run.unknown) else found


def in_words(setting: Setting, value: Any) -> str:
    """A setting with its value: LR 0.01, batch 64, 40 epochs, CNN."""
    if setting.key == "lr":
        return f"LR {lr_text(value)}"
    if setting.key == "epochs":
        return f"{value} epochs"
    text = setting.text(value)
    if setting.kind == "choice":
        return setting.shown(value).split(" (")[0]
    label = setting.label if setting.label[1:2].isupper() else setting.label.lower()
    return f"{label} {text}"
