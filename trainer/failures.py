"""What is told of an error that ends a run."""

from .config.table import ConfigError
from .engine.errors import EngineError
from .own.errors import OwnError
from .schedule.torch_changed import TorchChangedError
from .store.faults import StoreError

MEMORY = "The device does not have enough memory for this run; choose a smaller batch."
# Where torch has no class of its own for it: the allocators of the CPU, of MPS and of CUDA's
# libraries.
NO_MEMORY = ("alloc_cpu", "DefaultCPUAllocator", "out of memory", "ALLOC_FAILED", "bad_alloc")
NO_TORCH = "pip install --force-reinstall torch"


def reason(error: BaseException) -> str | None:
    """One sentence for the user's mistakes and the machine's limits; None for bugs in LRScope."""
    if _is_of_memory(error) or _is_of_memory(error.__cause__):  # also in one's own network
        return MEMORY
    if isinstance(error, ConfigError | TorchChangedError | StoreError | EngineError | OwnError):
        return str(error)
    if isinstance(error, ImportError | RuntimeError) and "torchvision" in str(error):
        return (
            "The installed torch and torchvision are incompatible; install both from one "
            "source: pip install --force-reinstall torch torchvision"
        )
    return None


def _is_of_memory(error: BaseException | None) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)


def without_torch(error: BaseException) -> str:
    """The sentence for a torch that cannot be loaded."""
    return f"torch cannot be loaded ({first_line(error)}); install it again: {NO_TORCH}"


def unexpected(error: BaseException) -> str:
    """The sentence for a bug."""
    return f"{type(error).__name__}: {first_line(error)}"


def first_line(error: BaseException) -> str:
    """An error's message, as one line."""
    return next(iter(str(error).splitlines()), "")
