"""SQLite stays off network file systems and out of folders that cannot hold it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bohpo.errors import NotFoundError, StoreError
from bohpo.store import filesystem, open_store
from bohpo.store.filesystem import NETWORK_FILE_SYSTEMS, file_system_type

MOUNT_TABLE = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 27 0:40 / /home rw,relatime shared:5 - autofs systemd-1 rw
41 40 0:41 / /home rw,relatime shared:6 master:7 - nfs4 server:/export rw,vers=4.2
42 41 0:42 / /home/local rw,relatime - xfs /dev/vdb rw
43 27 0:43 / /mnt/with\\040space rw - cifs //server/share rw
44 27 0:44 / /scratch rw - lustre 10.0.0.1@o2ib:/scratch rw
45 27 0:45 / /sshfs rw - fuse.sshfs me@host: rw
46 27 0:46 / /ntfs rw - fuseblk /dev/vdc rw
47 27 0:47 / /c rw - 9p C: rw
48 27 0:48 / /gpfs rw - gpfs gpfs rw
49 27 0:49 / /beegfs rw - beegfs beegfs_nodev rw
"""


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/bohpo.db", None),
        ("/home/me/bohpo.db", "NFS"),
        ("/home/local/bohpo.db", None),
        ("/home/local", None),
        ("/home/locally/bohpo.db", "NFS"),
        ("/homes/me/bohpo.db", None),
        ("/mnt/with space/bohpo.db", "SMB/CIFS"),
        ("/scratch/bohpo.db", "Lustre"),
        ("/sshfs/bohpo.db", "sshfs"),
        ("/ntfs/bohpo.db", None),
        ("/c/bohpo.db", "9P (virtual machines, WSL)"),
        ("/gpfs/bohpo.db", "IBM Spectrum Scale (GPFS)"),
        ("/beegfs/bohpo.db", "BeeGFS"),
    ],
)
def test_the_file_system_of_the_nearest_mount_point_counts(path: str, name: str | None) -> None:
    assert NETWORK_FILE_SYSTEMS.get(file_system_type(Path(path), MOUNT_TABLE)) == name


def test_this_machine_s_mount_table_is_understood(tmp_path: Path) -> None:
    table = filesystem.MOUNT_TABLE.read_text()
    assert all(
        NETWORK_FILE_SYSTEMS.get(file_system_type(Path(line.split()[4]), line)) is None
        for line in table.splitlines()
        if "proc" in line
    )


def test_a_database_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"41 40 0:41 / {tmp_path.resolve()} rw - nfs4 server:/export rw\n")
    monkeypatch.setattr(filesystem, "MOUNT_TABLE", table)
    with pytest.raises(StoreError, match=r"is on NFS.*local disk.*or use PostgreSQL"):
        open_store(str(tmp_path / "bohpo.db"))
    assert not (tmp_path / "bohpo.db").exists()


def test_a_link_to_a_network_file_system_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, share = tmp_path / "mountinfo", tmp_path / "share"
    share.mkdir()
    (tmp_path / "link").symlink_to(share)
    table.write_text(f"41 40 0:41 / {share.resolve()} rw - cifs //server/share rw\n")
    monkeypatch.setattr(filesystem, "MOUNT_TABLE", table)
    with pytest.raises(StoreError, match="SMB/CIFS"):
        open_store(str(tmp_path / "link" / "bohpo.db"))


def test_without_a_mount_table_any_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "MOUNT_TABLE", tmp_path / "absent")
    open_store(str(tmp_path / "bohpo.db")).close()


def test_a_missing_folder_is_told_with_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"mkdir -p {tmp_path / 'absent'}"):
        open_store(str(tmp_path / "absent" / "bohpo.db"))


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        open_store(str(tmp_path))


def test_a_database_is_made_only_where_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "bohpo.db"
    with pytest.raises(NotFoundError, match="--store"):
        open_store(str(path), create=False)
    assert not path.exists()
    open_store(str(path)).close()
    open_store(str(path), create=False).close()


@pytest.mark.parametrize("protected", ["folder", "file"])
def test_what_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protected: str) -> None:
    path = tmp_path / "bohpo.db"
    open_store(str(path)).close()
    refused = tmp_path if protected == "folder" else path
    allowed = os.access
    # Permissions do not bind root, as which tests may run.
    monkeypatch.setattr(os, "access", lambda asked, mode: asked != refused and allowed(asked, mode))
    with pytest.raises(StoreError, match=f"^{refused} is read-only"):
        open_store(str(path))
