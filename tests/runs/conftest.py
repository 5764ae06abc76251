"""The browser and the LRScope of the Lab's tests."""

from tests.lab.conftest import browser, lab

__all__ = ["browser", "lab"]
