"""A scheduler's steps and the LRs that an optimizer used, seen from outside.

A step is seen through the scheduler's class, never through the object, whose attributes are its
state. The class is as before once nothing of it is watched.
"""

import functools
import sys
import weakref
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple, Self

from .plain import lr_of, number, on_device, plain_entries

_IMMUTABLE = frozenset({bool, int, float, str, type(None)})
_OTHERS = frozenset({"params", "optimizer", "_schedulers"})  # of a group, of a scheduler
TORCH = "torch.optim.lr_scheduler"  # the module of torch's own schedulers
_COPIED = 64  # entries of a list or dict that a step may change in place


class State(NamedTuple):
    """What a scheduler's step may change, copied: the parameter groups and the schedulers'
    attributes. Turned into JSON only where it is wanted.
    """

    groups: list[dict[str, Any]]
    scheduler: "Attributes"

    def plain(self) -> dict[str, Any]:
        """In the form of the spool."""
        return {
            "lrs": [lr_of(group) for group in self.groups],
            "groups": [_numbers(plain_entries(group, _OTHERS)) for group in self.groups],
            **self.scheduler.plain(),
        }


class Attributes(NamedTuple):
    """A scheduler's attributes, and those of the schedulers in it."""

    own: dict[str, Any]
    parts: list["Attributes"]

    @classmethod
    def of(cls, scheduler: Any) -> Self:
        own = getattr(scheduler, "__dict__", {})
        known = type(scheduler).__module__ == TORCH
        copied = own.copy() if known else _frozen(own)  # none of torch's changes a list in place
        return cls(copied, [cls.of(p) for p in parts_of(scheduler)] if "_schedulers" in own else [])

    def plain(self) -> dict[str, Any]:
        """In the form of the spool."""
        return {
            "state": plain_entries(self.own, _OTHERS),
            "parts": [part.plain() for part in self.parts],
        }


class Step(NamedTuple):
    """A step of the scheduler; `argument` is what it was called with."""

    argument: Any
    before: State
    after: State

    def plain(self) -> dict[str, Any]:
        """In the form of the spool."""
        try:
            metric = None if self.argument is None else number(self.argument)
        except (TypeError, ValueError):
            metric = None
        return {"metric": metric, "before": self.before.plain(), "after": self.after.plain()}


class Observed:
    """A scheduler, or none, and its optimizer.

    Args:
        stepped: called after each step of the scheduler, from within it.
        batch: called before each step of the optimizer while `awaited` is set.
        failed: called with an error of LRScope's own.

    Attributes:
        sees_steps: whether steps of the scheduler can be seen.
        steps: those since `forget`.
        step: the last of them.
        first, last: the groups' LRs at the first and last step of the optimizer since `forget`;
            tensors where they lie on a device.
        awaited: whether `batch` is to be called.
    """

    def __init__(
        self,
        scheduler: Any,
        optimizer: Any,
        stepped: Callable[[], None],
        batch: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self.scheduler, self.optimizer = scheduler, optimizer
        self.sees_steps = self.awaited = False
        self.steps = 0
        self.step: Step | None = None
        self.first: list[Any] | None = None
        self.last: list[Any] | None = None
        self._stepped = weakref.WeakMethod(stepped)
        self._batch = weakref.WeakMethod(batch)
        self._failed = weakref.WeakMethod(failed)
        self._before: State | None = None
        self._known: list[Any] = self.lrs()  # copies, of LRs on a device too
        self._hook: Any = None

    def attach(self) -> None:
        """See all steps from now on, as far as they can be seen."""
        if self.scheduler is not None:
            self.sees_steps = _watch(self.scheduler, self)
        register = getattr(self.optimizer, "register_step_pre_hook", None)
        if register is not None:
            try:
                self._hook = register(_Hook(self))
            except Exception:
                self._hook = None  # a wrapper around an optimizer: the LRs are read at the steps

    def detach(self) -> None:
        """See no more, and leave everything as it was."""
        if self.sees_steps:
            _unwatch(self.scheduler, self)
        self.sees_steps = False
        self.unhook()

    def unhook(self) -> None:
        """See no more of the optimizer."""
        if self._hook is not None:
            self._hook.remove()
        self._hook = None

    def lrs(self) -> list[float]:
        """The groups' LRs now; waits for a device that they lie on."""
        self._known = [lr_of(group) for group in self.optimizer.param_groups]
        return self._known

    def used(self) -> None:
        """The optimizer steps with its present LRs."""
        lrs = [group["lr"] for group in self.optimizer.param_groups]
        for i, lr in enumerate(lrs):
            if type(lr) is not float:
                lrs[i] = self._known[i] if on_device(lr) else number(lr)
        if self.awaited and (batch := self._batch()):
            batch()
        if self.first is None:
            self.first = lrs
        self.last = lrs

    def forget(self) -> None:
        """Begin another epoch."""
        self.steps, self.step, self.first, self.last = 0, None, None, None

    def begin(self) -> bool:
        """Before a step of the scheduler; whether it is one to be seen."""
        if self._before is not None:  # a step that calls itself
            return False
        try:
            self._before = self.state()
        except Exception as error:
            self.fail(error)
            return False
        return True

    def end(self, argument: Any) -> None:
        """After the step."""
        before, self._before = self._before, None
        try:
            assert before is not None
            detached = argument.detach() if hasattr(argument, "detach") else argument
            self.step, self.steps = Step(detached, before, self.state()), self.steps + 1
            self._known = [group.get("lr") for group in self.step.after.groups]
            if stepped := self._stepped():
                stepped()
        except Exception as error:
            self.fail(error)

    def abort(self) -> None:
        """The step ended with an error."""
        self._before = None

    def fail(self, error: Exception) -> None:
        """Report an error of LRScope's own."""
        if failed := self._failed():
            failed(error)

    def state(self) -> State:
        groups = [
            group.copy() if type(group.get("lr")) is float else _frozen(group)
            for group in self.optimizer.param_groups
        ]
        return State(groups, Attributes.of(self.scheduler))


def parts_of(scheduler: Any) -> list[Any]:
    """The schedulers in a scheduler that is made of others."""
    parts = getattr(scheduler, "_schedulers", ())
    return list(parts) if isinstance(parts, list | tuple) else []


def _numbers(entries: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in entries.items() if type(v) in (int, float) or k == "betas"}


def _frozen(entries: dict[str, Any]) -> dict[str, Any]:
    """A copy that a later step does not change."""
    return {
        key: value if type(value) in _IMMUTABLE else _copied(value)
        for key, value in entries.items()
        if key not in _OTHERS
    }


def _copied(value: Any) -> Any:
    if isinstance(value, list | dict):
        return value.copy() if len(value) <= _COPIED else value
    if hasattr(value, "detach") and value.numel() == 1:
        return value.detach().clone() if on_device(value) else value.item()
    return value


class _Hook:
    """What an optimizer calls before its step. It keeps nothing alive, and a copy of the optimizer
    has one that does nothing.
    """

    def __init__(self, observed: Observed | None = None) -> None:
        self._observed = None if observed is None else weakref.ref(observed)
        torch = sys.modules.get("torch")
        self._is_compiling = torch.compiler.is_compiling if torch else bool

    def __call__(self, *_: Any) -> None:
        if self._is_compiling():
            return  # as a part of a compiled step it would cost that step its speed
        observed = self._observed and self._observed()
        if observed:
            try:
                observed.used()
            except Exception as error:
                observed.fail(error)

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()


# Who watches a scheduler, by its id: equality may be anything, and not all have a hash.
_watched: dict[int, list[weakref.ref[Observed]]] = {}
_wrapped: dict[type, Any] = {}  # what stands in each class's place of `step`
_INHERITED = object()
_originals: dict[type, Any] = {}


def _watch(scheduler: Any, observed: Observed) -> bool:
    """See a scheduler's steps; False if they cannot be seen."""
    cls = type(scheduler)
    own = getattr(scheduler, "__dict__", {})
    if "step" in own or not isinstance(getattr(cls, "step", None), FunctionType):
        return False
    if cls not in _wrapped:
        try:
            _wrap(cls)
        except TypeError:  # a class that cannot be changed
            return False
    _watched.setdefault(id(scheduler), []).append(weakref.ref(observed))
    return True


def _unwatch(scheduler: Any, observed: Observed) -> None:
    left = [ref for ref in _watched.pop(id(scheduler), []) if ref() not in (None, observed)]
    if left:
        _watched[id(scheduler)] = left
    cls = type(scheduler)
    if not any(type(o.scheduler) is cls for refs in _watched.values() for r in refs if (o := r())):
        _unwrap(cls)


def forget_all() -> None:
    """See nothing any more, in a forked child."""
    _watched.clear()


def _wrap(cls: type) -> None:
    original: FunctionType = cls.step  # type: ignore[attr-defined]

    @functools.wraps(original)
    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        refs = _watched.get(id(self))
        if not refs or type(self) is not cls:
            return original(self, *args, **kwargs)
        seen = [o for ref in refs if (o := ref()) and o.scheduler is self and o.begin()]
        try:
            result = original(self, *args, **kwargs)
        except BaseException:
            for observed in seen:
                observed.abort()
            raise
        argument = args[0] if args else next(iter(kwargs.values()), None)
        for observed in seen:
            observed.end(argument)
        return result

    _originals[cls] = cls.__dict__.get("step", _INHERITED)
    cls.step = step  # type: ignore[attr-defined]
    _wrapped[cls] = step


def _unwrap(cls: type) -> None:
    wrapper, original = _wrapped.pop(cls, None), _originals.pop(cls, None)
    if cls.__dict__.get("step") is not wrapper:
        return  # somebody else has replaced it since, and may call what was there
    if original is _INHERITED:
        del cls.step  # type: ignore[attr-defined]
    else:
        cls.step = original  # type: ignore[attr-defined]
