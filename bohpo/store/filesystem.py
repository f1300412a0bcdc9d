"""Whether a path is fit to hold an SQLite database.

SQLite's write-ahead log needs memory that all its processes share and locks that work; network file systems promise
neither. The kernel's mount table names the file system; `statfs` could not tell sshfs from a local FUSE disk.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from bohpo.errors import NotFoundError, StoreError
from bohpo.store.open_files import reading_allowed

MOUNT_TABLE = Path("/proc/self/mountinfo")

NETWORK_FILE_SYSTEMS = {
    "9p": "9P (virtual machines, WSL)",
    "afs": "AFS",
    "beegfs": "BeeGFS",
    "ceph": "CephFS",
    "cifs": "SMB/CIFS",
    "smb3": "SMB/CIFS",
    "smbfs": "SMB/CIFS",
    "fhgfs": "BeeGFS",
    "fuse.ceph-fuse": "CephFS",
    "fuse.gcsfuse": "Google Cloud Storage",
    "fuse.glusterfs": "GlusterFS",
    "fuse.juicefs": "JuiceFS",
    "fuse.rclone": "rclone",
    "fuse.s3fs": "S3",
    "fuse.sshfs": "sshfs",
    "gfs2": "GFS2",
    "gpfs": "IBM Spectrum Scale (GPFS)",
    "lustre": "Lustre",
    "nfs": "NFS",
    "nfs4": "NFS",
    "ocfs2": "OCFS2",
    "orangefs": "OrangeFS",
    "panfs": "PanFS",
    "pvfs2": "OrangeFS",
    "wekafs": "Weka",
}
"""Type of a file system as the kernel calls it -> what people call it."""


def file_system_type(path: Path, mount_table: str) -> str:
    """Give the type of the file system that holds a path as the kernel calls it, empty where the table has none.

    Args:
        path: Absolute, without symbolic links; need not exist.
        mount_table: Text of /proc/self/mountinfo.

    Source:
        proc_pid_mountinfo(5): field 5 is the mount point, the type follows the separator " - "; later lines hide
        earlier ones at the same point.
    """
    found, depth = "", -1
    for line in mount_table.splitlines():
        before, _, after = line.partition(" - ")
        mount_point = Path(_unescape(before.split()[4]))
        if path.is_relative_to(mount_point) and len(mount_point.parts) >= depth:
            found, depth = after.split()[0], len(mount_point.parts)
    return found


def type_on_this_host(path: Path) -> str:
    """Give the type of the file system that holds a path of this host, empty where the host has no mount table."""
    if not MOUNT_TABLE.exists():
        return ""
    return file_system_type(path.resolve(), MOUNT_TABLE.read_text(errors="surrogateescape"))


def check_database_file(path: Path, *, create: bool) -> None:
    """Refuse a path where SQLite could not keep its promises.

    Args:
        path: Absolute path of the database.
        create: Whether the file may be missing.

    Raises:
        NotFoundError: If it is missing and must not.
        StoreError: If its folder is missing, either cannot be written, or it is on a network file system.
    """
    _check_local(path)
    if not path.parent.is_dir():
        raise StoreError(f"{path.parent} is no folder; make it with `mkdir -p {path.parent}` or name another database")
    if path.is_dir():
        raise StoreError(f"{path} is a folder; give the path of a file, such as {path / 'bohpo.db'}")
    if not path.exists() and not create:
        raise NotFoundError(f"there is no database {path}; name the right one with --store or BOHPO_STORE")
    for needed in (path.parent, path):
        if needed.exists() and not os.access(needed, os.W_OK):
            raise StoreError(f"{needed} is read-only; SQLite writes beside the file even to read: grant write access")
    _check_whole(path)


def _check_whole(path: Path) -> None:
    """Refuse a file that was cut short, and one that two names lead to; a missing file passes.

    While the write-ahead log has content the file may be shorter than its header says. A file that this process has
    open passes, too: to close it a second time would release SQLite's locks on it, and then the next process that
    leaves the database would remove the write-ahead log, with all that is recorded after.

    Raises:
        StoreError: If it is one of these.

    Source:
        https://www.sqlite.org/fileformat2.html, 1.3: page size at 16, change counter at 24, pages at 28, the counter
        that this number is valid for at 92. https://www.sqlite.org/howtocorrupt.html, 2.2: locks that a close()
        releases, 2.4: links to a database.
    """
    try:
        status = path.stat()
        header = _read_header(path)
        log = path.with_name(f"{path.name}-wal")
        has_log = log.exists() and log.stat().st_size > 0
    except OSError:
        return
    if status.st_nlink > 1:
        raise StoreError(
            f"{path} has {status.st_nlink} names (hard links), and SQLite loses data under two; make a copy of its own"
            f" with `cp {path} NEW && mv NEW {path}` while nobody uses it"
        )
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0") or header[24:28] != header[92:96]:
        return
    page = int.from_bytes(header[16:18], "big")
    expected = (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")
    if not has_log and status.st_size < expected:
        raise StoreError(
            f"{path} was cut short: it has {status.st_size} of {expected} bytes, as after a copy of a database in use."
            " Copy it again with `bohpo db backup FILE`"
        )


def _read_header(path: Path) -> bytes:
    """Read the first 100 bytes; none where this process has the file open."""
    with reading_allowed(path) as is_allowed:
        if not is_allowed:
            return b""
        with path.open("rb") as file:
            return file.read(100)


def _check_local(path: Path) -> None:
    network = NETWORK_FILE_SYSTEMS.get(type_on_this_host(path))
    if network is not None:
        raise StoreError(
            f"{path} is on {network}, a network file system, where SQLite loses data; put the database on a local "
            "disk (--store /var/tmp/bohpo.db) or use PostgreSQL (--store postgresql://user@host/database)"
        )


def _unescape(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
