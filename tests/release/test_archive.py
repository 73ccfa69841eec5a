"""Archives: same input, same bytes; reading trusts nothing."""

from __future__ import annotations

import gzip
import io
import os
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from maskgen.errors import UsageError
from maskgen.release.archive import KINDS, ArchiveError, read_archive, unpack, write_archive

CONTENT = {"a.txt": b"alpha" * 100, "b/c.bin": os.urandom(5000), "b/ä long/" + "x" * 120 + ".txt": b""}


def available(kind: str) -> str:
    if kind == "tar.zst":
        pytest.importorskip("zstandard")
    return kind


def laid_out(folder: Path, when: float) -> list[tuple[str, Path]]:
    rows = []
    for name, data in CONTENT.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)
        os.utime(path, (when, when))
        rows.append((name, path))
    return rows


@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_in_comes_out(kind, tmp_path):
    path = write_archive(available(kind), laid_out(tmp_path / "in", 1e9), tmp_path / f"x.{kind}")[0]
    assert dict(read_archive(path)) == CONTENT
    unpack(path, tmp_path / "out")
    for name, data in CONTENT.items():
        assert (tmp_path / "out" / name).read_bytes() == data


@pytest.mark.parametrize("kind", KINDS)
def test_times_order_and_permissions_leave_no_trace(kind, tmp_path):
    first = write_archive(available(kind), laid_out(tmp_path / "one", 1e9), tmp_path / f"x.{kind}")[0]
    rows = laid_out(tmp_path / "two", 1.5e9)
    rows[0][1].chmod(0o755)
    second = write_archive(kind, reversed(rows), tmp_path / f"y.{kind}")[0]
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_parts_have_the_size_asked_for_and_join_to_the_whole(kind, tmp_path):
    rows = laid_out(tmp_path / "in", 1e9)
    whole = write_archive(available(kind), rows, tmp_path / f"x.{kind}")[0].read_bytes()
    parts = write_archive(kind, rows, tmp_path / f"y.{kind}", part=1000)
    assert [p.name for p in parts][:2] == [f"y.{kind}.part001", f"y.{kind}.part002"]
    assert {p.stat().st_size for p in parts[:-1]} == {1000}
    assert b"".join(p.read_bytes() for p in parts) == whole
    assert dict(read_archive(parts[0])) == CONTENT
    parts[1].unlink()
    with pytest.raises(ArchiveError, match=r"part002 is missing"):
        list(read_archive(parts[0]))


def test_other_programs_read_the_archives(tmp_path):
    rows = laid_out(tmp_path / "in", 1e9)
    with zipfile.ZipFile(write_archive("zip", rows, tmp_path / "x.zip")[0]) as archive:
        assert archive.testzip() is None
        assert {n: archive.read(n) for n in archive.namelist()} == CONTENT
    write_archive("tar.gz", rows, tmp_path / "x.tar.gz")
    listed = subprocess.run(["tar", "-tzf", tmp_path / "x.tar.gz"], capture_output=True, check=True)
    assert len(listed.stdout.splitlines()) == len(CONTENT)


def evil_tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def evil_zip(path: Path, name: str, data: bytes = b"x", mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        info.external_attr = mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, data)
    return path


ESCAPES = ["../up.txt", "/abs.txt", "a/../../up.txt", "a\\..\\up.txt", "C:/x.txt", "..", "a/.."]


@pytest.mark.parametrize("name", ESCAPES)
def test_names_that_leave_the_folder_are_refused(name, tmp_path):
    inside = tmp_path / "deep" / "out"
    for path in (
        evil_zip(tmp_path / "x.zip", name),
        evil_tar(tmp_path / "x.tar.gz", (tarfile.TarInfo(name), b"x")),
    ):
        with pytest.raises(ArchiveError, match="leave its folder"):
            unpack(path, inside)
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} == {"x.zip", "x.tar.gz"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(kind, tmp_path):
    info = tarfile.TarInfo("link")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(ArchiveError, match="no plain file"):
        unpack(evil_tar(tmp_path / "x.tar.gz", (info, b"")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_links_in_a_zip_are_refused(tmp_path):
    path = evil_zip(tmp_path / "x.zip", "link", b"/etc/passwd", stat.S_IFLNK | 0o777)
    with pytest.raises(ArchiveError, match="no plain file"):
        unpack(path, tmp_path / "out")


def test_the_same_name_twice_is_refused(tmp_path):
    twice = evil_tar(tmp_path / "x.tar.gz", (tarfile.TarInfo("a"), b"1"), (tarfile.TarInfo("a"), b"2"))
    with pytest.raises(ArchiveError, match="twice"):
        list(read_archive(twice))


def test_bombs_are_refused_by_what_comes_out_of_them(tmp_path):
    """80 MB of zeros in 80 kB: beyond the ratio; and any archive beyond the total."""
    zeros = tmp_path / "zeros"
    with zeros.open("wb") as stream:
        stream.truncate(80 << 20)
    for kind in ("zip", "tar.gz"):
        bomb = write_archive(kind, [("zeros", zeros)], tmp_path / f"bomb.{kind}")[0]
        assert bomb.stat().st_size < 200_000
        with pytest.raises(ArchiveError, match="bomb"):
            unpack(bomb, tmp_path / "out")
        with pytest.raises(ArchiveError, match="bomb"):
            list(read_archive(bomb, largest=1000, ratio=10**9))
    assert not (tmp_path / "out").exists()


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path):
    path = evil_zip(tmp_path / "x.zip", "a", b"\0" * 100_000)
    data = path.read_bytes()
    true = (100_000).to_bytes(4, "little")
    assert data.count(true) == 2
    path.write_bytes(data.replace(true, (10).to_bytes(4, "little")))
    with pytest.raises(ArchiveError):
        assert len(dict(read_archive(path))["a"]) <= 10


def test_too_many_files_are_refused(tmp_path):
    path = write_archive("zip", laid_out(tmp_path / "in", 1e9), tmp_path / "x.zip")[0]
    with pytest.raises(ArchiveError, match="more than 2 files"):
        list(read_archive(path, most=2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [0, 1, 60, 400])
def test_damage_is_one_sentence(kind, cut, tmp_path):
    path = write_archive(available(kind), laid_out(tmp_path / "in", 1e9), tmp_path / f"x.{kind}")[0]
    path.write_bytes(path.read_bytes()[:-400] if cut == 400 else path.read_bytes()[:cut])
    with pytest.raises(ArchiveError):
        list(read_archive(path))


def test_a_flipped_bit_is_noticed(tmp_path):
    """gzip and zip carry checksums; both must be read to their ends for them to be looked at."""
    for kind in ("zip", "tar.gz"):
        path = write_archive(kind, laid_out(tmp_path / kind, 1e9), tmp_path / f"x.{kind}")[0]
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 4
        path.write_bytes(data)
        with pytest.raises(ArchiveError):
            assert dict(read_archive(path)) == CONTENT, "a changed content came out without a word"


def test_nonsense_is_refused_in_words(tmp_path):
    with pytest.raises(UsageError, match=r"known are zip, tar\.gz, tar\.zst"):
        write_archive("rar", [], tmp_path / "x")
    with pytest.raises(UsageError, match="at least 1 byte"):
        write_archive("zip", [], tmp_path / "x", part=0)
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(b"not a tar"))
    with pytest.raises(ArchiveError, match="damaged"):
        list(read_archive(tmp_path / "x.tar.gz"))
    with pytest.raises(UsageError, match="relative"):
        write_archive("zip", [("../x", tmp_path / "x")], tmp_path / "y.zip")
