"""What other libraries read from the environment, and what they print."""

import os
import warnings


def forget_dash() -> None:
    """Remove Dash's settings from the environment of this process: they can open paths that change
    runs (DASH_MCP_ENABLED), move the page away, or load another React. Before Dash is imported.
    """
    for name in list(os.environ):
        if name.upper().startswith("DASH_") or name.upper() == "REACT_VERSION":
            del os.environ[name]


def quiet_torch() -> None:
    """Keep what torch prints about its profiler and a CUDA that it cannot use out of the terminal:
    a run says itself on which device it trains. Before torch is imported; what the environment
    already asks for stays.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "5")  # the profiler's: errors only
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    warnings.filterwarnings("ignore", "CUDA initialization", UserWarning)
