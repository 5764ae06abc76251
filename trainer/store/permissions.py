"""Keeps a home to its user: folders 0700, files 0600, whatever the umask. torch-free.

Windows has no such modes; there the user's own data folder is private already.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

FOLDER, FILE = 0o700, 0o600
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, for this user only.

    Raises:
        OSError: it cannot be made.
    """
    for missing in reversed([p for p in (path, *path.parents) if not p.exists()]):
        missing.mkdir(FOLDER, exist_ok=True)
        missing.chmod(FOLDER)  # the umask may have taken some of it
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def make_file(path: Path) -> None:
    """Make an empty file for this user only, unless it is there.

    Raises:
        OSError: it cannot be made.
    """
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, FILE))
        path.chmod(FILE)


def close(path: Path) -> None:
    """Take the rights of others from a folder or a file, where this user may."""
    with suppress(OSError):  # another user's, a read-only disk, one that knows no modes
        mode = path.lstat().st_mode
        if mode & OTHERS and not stat.S_ISLNK(mode) and os.name == "posix":
            path.chmod(stat.S_IMODE(mode) & ~OTHERS)


def close_home(home: Path) -> None:
    """Take the rights of others from a home, with all that is LRScope's in it.

    A folder that holds anything else, or that everyone may write to, such as /tmp, stays as it is.
    """
    try:
        inside = list(home.iterdir())
        shared = home.stat().st_mode & stat.S_ISVTX
    except OSError:
        return
    files = [p for p in inside if p.name.startswith("lrscope") and not p.is_dir()]
    folders = [p for p in inside if p.name in ("runs", "owners") and p.is_dir()]
    if not shared and len(files) + len(folders) == len(inside):
        close(home)
    for file in files:
        close(file)
    for folder in folders:
        if folder.stat().st_mode & OTHERS:
            for path in folder.rglob("*"):
                close(path)
            close(folder)
