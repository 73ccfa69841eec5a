from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from maskgen.errors import InputError, UsageError
from maskgen.io.biwi_files import read_text
from maskgen.io.files import (
    TEMPORARY_PREFIX,
    atomic_copy,
    atomic_write,
    inside,
    read_given,
    read_regular,
    remove_temporaries,
    safe_relative,
    sha256_bytes,
    sha256_file,
)
from maskgen.io.images import image_size, read_image
from maskgen.io.matfile import read_mat


def test_a_write_makes_missing_folders_and_replaces_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "x.bin"
    atomic_write(target, b"one")
    atomic_write(target, b"two", sync=False)
    assert target.read_bytes() == b"two"
    assert [p.name for p in target.parent.iterdir()] == ["x.bin"]


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch) -> None:
    target = tmp_path / "x.bin"
    target.write_bytes(b"old")
    real = os.write

    def half_then_full(handle: int, data) -> int:
        if len(data) > 5:
            return real(handle, bytes(data[:5]))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", half_then_full)
    with pytest.raises(OSError, match="No space") as caught:
        atomic_write(target, b"0123456789")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(target)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.bin"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_device_that_is_really_full_says_so(tmp_path: Path, monkeypatch) -> None:
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: real("/dev/full", os.O_WRONLY))
    with pytest.raises(OSError, match="No space"):
        atomic_write(tmp_path / "x", b"data")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_in_the_middle_leaves_nothing_behind(tmp_path: Path, monkeypatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(tmp_path / "x", b"data")
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    atomic_write(tmp_path / "atomic", b"")
    (tmp_path / "plain").write_bytes(b"")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("atomic", "plain")]
    assert modes[0] == modes[1]


def test_a_name_of_the_greatest_length_can_be_written(tmp_path: Path) -> None:
    atomic_write(tmp_path / ("n" * 255), b"x")
    assert (tmp_path / ("n" * 255)).read_bytes() == b"x"


def test_leftovers_of_a_killed_run_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / f"{TEMPORARY_PREFIX}00").write_bytes(b"half")
    (tmp_path / "sub" / "kept").write_bytes(b"")
    assert remove_temporaries(tmp_path) == 1
    assert [p.name for p in (tmp_path / "sub").iterdir()] == ["kept"]


def test_hashes_are_those_of_hashlib_and_a_copy_has_the_same(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(data)
    atomic_copy(tmp_path / "a", tmp_path / "b")
    expected = hashlib.sha256(data).hexdigest()
    assert sha256_file(tmp_path / "b") == sha256_bytes(data) == expected


@pytest.mark.parametrize("text", ["", ".", "/etc/passwd", "../x", "a/../../x", "a\\b", "C:/x", "a\0b"])
def test_paths_that_could_leave_the_root_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="must be relative"):
        safe_relative(text)


def test_ordinary_relative_paths_pass() -> None:
    assert str(safe_relative("AFW/AFW_1.2_0.jpg")) == "AFW/AFW_1.2_0.jpg"


def test_a_folder_inside_another_is_seen_through_links(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert inside(tmp_path / "link" / "out", tmp_path / "data")
    assert inside(tmp_path / "data", tmp_path / "data")
    assert not inside(tmp_path / "data2", tmp_path / "data")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe or a device"):
        read_regular(tmp_path / "pipe")
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path)
    (tmp_path / "file").write_bytes(b"abc")
    assert read_regular(tmp_path / "file") == b"abc"
    for read in (read_image, image_size, read_mat, read_text):
        with pytest.raises(InputError, match="pipe or a device"):
            read(tmp_path / "pipe")


def test_what_a_user_names_may_be_a_pipe_and_ends_somewhere(tmp_path, monkeypatch):
    text = tmp_path / "recipe.toml"
    text.write_bytes("\ufeffseed = 1\r\nshare = 0.5\r".encode())
    assert read_given(text, "utf-8-sig") == "seed = 1\nshare = 0.5\n"
    read, write = os.pipe()
    os.write(write, b"seed = 2\n")
    os.close(write)
    assert read_given(f"/dev/fd/{read}") == "seed = 2\n"
    os.close(read)
    monkeypatch.setattr("maskgen.io.files.MOST_GIVEN", 1 << 20)
    with pytest.raises(OSError, match="larger than 1 MB"):
        read_given("/dev/zero")
