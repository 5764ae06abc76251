"""The default folders of runs and data sets. torch-free."""

import os
from pathlib import Path

import platformdirs

HOME_ENV = "LRSCOPE_HOME"
DATASETS_ENV = "LRSCOPE_DATASETS"


def home() -> Path:
    """The folder of the runs: $LRSCOPE_HOME, else LRScope's folder in the user's data folder."""
    if chosen := os.environ.get(HOME_ENV):
        return Path(chosen).expanduser()
    return platformdirs.user_data_path("lrscope", appauthor=False)


def datasets() -> Path:
    """The folder of the data sets: $LRSCOPE_DATASETS, else one in the user's cache."""
    if chosen := os.environ.get(DATASETS_ENV):
        return Path(chosen).expanduser()
    return platformdirs.user_cache_path("lrscope", appauthor=False) / "datasets"
