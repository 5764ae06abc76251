"""Messages over a pipe: each with its length before it."""

import struct
from typing import IO

LENGTH = struct.Struct(">Q")


def write(pipe: IO[bytes], message: bytes) -> None:
    """Send a message.

    Raises:
        OSError: nobody reads it.
    """
    pipe.write(LENGTH.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def read(pipe: IO[bytes]) -> bytes | None:
    """Wait for a message; None if there comes none, or not the whole of it."""
    head = pipe.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    message = pipe.read(length)
    return message if len(message) == length else None
