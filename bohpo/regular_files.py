"""Regular files, opened with care: a trainer may leave a pipe, a link, a device or a terabyte where a file belongs.

Opening a named pipe waits for its other end, reading a device may never end, and a link may lead anywhere. The
functions here never wait for another process, follow no link in the last part of a path, and read a bounded length.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from io import FileIO
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 64_000_000
"""Longest file that is read as a whole. An outcome with its curves has a few kilobytes."""

_CAREFULLY = os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a symbolic link",
}


class UnusableFileError(OSError):
    """What lies at a path is no regular file, or is too long to be read. Trying again does not help."""


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        UnusableFileError: If `path` is a link, a pipe, a socket or a device.
        OSError: If it cannot be opened; `IsADirectoryError` for a folder.
    """
    return os.fdopen(_open(path, os.O_RDONLY), "rb")


def append_regular(path: Path) -> FileIO:
    """Open a regular file for appending, unbuffered; create it if there is none.

    Raises:
        UnusableFileError: If `path` is a link, a pipe, a socket or a device.
        OSError: If it cannot be opened; `IsADirectoryError` for a folder.
    """
    return FileIO(_open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab")


def read_regular(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a regular file as a whole.

    Args:
        path: The file.
        most: Greatest length in bytes.

    Raises:
        UnusableFileError: If it is no regular file, or longer than `most`.
        OSError: If it cannot be read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = b"" if size > most else file.read(most + 1)
    if max(size, len(content)) > most:
        raise UnusableFileError(errno.EFBIG, f"it is longer than {most:,} bytes", str(path))
    return content


def _open(path: Path, flags: int) -> int:
    """Open a path without waiting; look at what it is before, since opening some devices has effects."""
    try:
        with contextlib.suppress(FileNotFoundError):
            _check_kind(path, os.lstat(path).st_mode)
        descriptor = os.open(path, flags | _CAREFULLY, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link that leads to itself, on the way to the file or in its place
            raise UnusableFileError(error.errno, error.strerror, str(path)) from error
        raise
    try:
        _check_kind(path, os.fstat(descriptor).st_mode)
        os.set_blocking(descriptor, True)  # a process that inherits it need not know how it was opened
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_kind(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
        raise UnusableFileError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))
