"""The environment variables that Dash reads."""

import os


def forget_dash() -> None:
    """Remove Dash's settings from the environment of this process: they can open paths that change
    runs (DASH_MCP_ENABLED), move the page away, or load another React. Before Dash is imported.
    """
    for name in list(os.environ):
        if name.upper().startswith("DASH_") or name.upper() == "REACT_VERSION":
            del os.environ[name]
