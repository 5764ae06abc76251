"""The table of commands, which a run carries out while it trains. torch-free."""

import sqlite3
import time
from typing import get_args

from ..schedule.interventions import ByHand
from . import rows
from .rows import Command

BY_HAND = get_args(ByHand)


def add(connection: sqlite3.Connection, run: int, name: str, value: float | None) -> None:
    """Send a command to a run; it is dropped if there is no such run."""
    connection.execute(
        "INSERT INTO commands (run, at, name, value) SELECT ?, ?, ?, ? WHERE EXISTS "
        "(SELECT 1 FROM runs WHERE id = ?)",
        (run, time.time(), name, value, run),
    )


def after(connection: sqlite3.Connection, run: int, command: int) -> list[Command]:
    """The commands to the run after that command id, in order."""
    found = connection.execute(
        "SELECT id, name, value FROM commands WHERE run = ? AND id > ? ORDER BY id",
        (run, command),
    )
    return [rows.command(run, row) for row in found]


def carried_out(connection: sqlite3.Connection, run: int, command: int) -> None:
    """Note that a run has carried out its commands up to that id."""
    connection.execute("UPDATE runs SET asked = ? WHERE id = ?", (command, run))


def undo(connection: sqlite3.Connection, run: int) -> bool:
    """Take back the last change by hand that a paused run has not made yet; return whether there
    was one.
    """
    undone = connection.execute(
        "DELETE FROM commands WHERE id = (SELECT max(commands.id) FROM commands JOIN runs "
        "ON runs.id = commands.run WHERE runs.id = ? AND runs.paused AND commands.id > runs.asked "
        f"AND commands.name IN ({', '.join('?' * len(BY_HAND))}))",
        (run, *BY_HAND),
    )
    return undone.rowcount > 0


def epochs_asked(connection: sqlite3.Connection, run: int) -> int:
    """How many epochs a run was asked to add that it has not added yet."""
    asked = connection.execute(
        "SELECT coalesce(sum(value), 0) FROM commands JOIN runs ON runs.id = commands.run "
        "WHERE runs.id = ? AND commands.id > runs.asked AND commands.name = 'epochs'",
        (run,),
    )
    return int(asked.fetchone()[0])
