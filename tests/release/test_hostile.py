"""Releases from strangers: whatever they hold, reading ends in one sentence and writes nothing."""

from __future__ import annotations

import copy
import gzip
import io
import json
import random
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maskgen.errors import MaskgenError, UsageError
from maskgen.jobs.outcome import Outcome
from maskgen.release.archive import ArchiveError, read_archive, unpack, write_archive
from maskgen.release.model import open_release, parse_manifest
from maskgen.release.rebuild import check_rebuildable, rebuild, recipe_of, verify

SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
#: values that stand where others are expected
STRANGE: list[Any] = [
    None,
    5,
    -1,
    1.5,
    "x",
    "../x",
    [],
    {},
    [1],
    {"a": 1},
    True,
    "\ud800",
    10**400,
    "a/../../b",
]


class Packed(dict[str, bytes]):
    """Archives by kind; a failing test must not print them."""

    def __repr__(self) -> str:
        return "Packed"


@pytest.fixture(scope="session")
def packed(made_of, tmp_path_factory) -> Packed:
    """The same release as a zip and as a tar.gz, and the tar inside it."""
    release, folder = made_of("AFLW2000")[2], tmp_path_factory.mktemp("packed")
    rows = [(p.relative_to(release).as_posix(), p) for p in release.rglob("*") if p.is_file()]
    found = {k: write_archive(k, rows, folder / f"x.{k}")[0].read_bytes() for k in ("zip", "tar.gz")}
    return Packed(**found, tar=gzip.decompress(found["tar.gz"]))


def said(read: Callable[[], object]) -> str:
    """The sentence of the error that ends a reading, or "" where none does; other errors are not caught."""
    try:
        read()
    except MaskgenError as error:
        return str(error)
    return ""


def read_in(folder: Path, name: str, data: bytes) -> None:
    """Unpack and open an archive; what lies beside its own folder must stay as it is."""
    shutil.rmtree(folder, ignore_errors=True)
    inside = folder / "a" / "b" / "out"
    inside.parent.mkdir(parents=True)
    (folder / name).write_bytes(data)
    for read in (lambda: unpack(folder / name, inside), lambda: open_release(folder / name)):
        assert "\n" not in said(read)
    outside = [p for p in folder.rglob("*") if p.is_file() and inside not in p.parents]
    assert outside == [folder / name]


@SLOWLY
@given(kind=st.sampled_from(["zip", "tar.gz"]), seed=st.integers(0, 2**32))
def test_damaged_archives_end_in_a_sentence(packed, tmp_path, kind, seed):
    chance, data = random.Random(seed), bytearray(packed[kind])
    for _ in range(chance.choice([1, 2, 10])):
        at, much = chance.randrange(len(data)), chance.randrange(1, 200)
        data[at : at + much] = chance.choice([b"", bytes(much), chance.randbytes(much), data[:much]])
    read_in(tmp_path / "x", f"x.{kind}", bytes(data))


@SLOWLY
@given(block=st.integers(0, 200), field=st.sampled_from([(0, 100), (124, 12), (156, 1), (157, 100)]),
       value=st.sampled_from([b"../../evil\0", b"/evil\0", b"77777777777\0", b"\x80" + b"\xff" * 11,
                              *(bytes([c]) for c in b"0123456LKxgSVD")]))  # fmt: skip
def test_forged_tar_headers_end_in_a_sentence(packed, tmp_path, block, field, value):
    tar = bytearray(packed["tar"])
    at, value = 512 * (block % (len(tar) // 512)), value[: field[1]]
    tar[at + field[0] : at + field[0] + len(value)] = value
    total = sum(tar[at : at + 148]) + 256 + sum(tar[at + 156 : at + 512])
    tar[at + 148 : at + 156] = b"%06o\0 " % total
    read_in(tmp_path / "x", "x.tar.gz", gzip.compress(bytes(tar), 1))


def replaced(value: Any, chance: random.Random, depth: int = 0) -> Any:
    """A JSON value with one thing in it exchanged or taken away."""
    if depth > 5 or chance.random() < 0.15 or not isinstance(value, dict | list) or not value:
        return chance.choice(STRANGE)
    made = copy.copy(value)
    key = chance.choice(list(made)) if isinstance(made, dict) else chance.randrange(len(made))
    if chance.random() < 0.15:
        del made[key]
    else:
        made[key] = replaced(made[key], chance, depth + 1)
    return made


@SLOWLY
@given(seed=st.integers(0, 2**32))
def test_strange_values_end_in_a_sentence(aflw, tmp_path, seed):
    release, chance = tmp_path / "r", random.Random(seed)
    info = json.loads((aflw[2] / "release.json").read_text())
    lines = [json.loads(line) for line in manifest_of(aflw[2]).splitlines()][:2]
    if seed % 2:
        info = replaced(info, chance)
    else:
        lines[0] = replaced(lines[0], chance)
    for folder in (release, tmp_path / "root"):
        folder.mkdir(exist_ok=True)
    (release / "release.json").write_text(json.dumps(info))
    (release / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def use() -> None:
        opened = open_release(release)
        json.dumps(verify(opened, tmp_path / "root", tmp_path / "root").as_dict())
        check_rebuildable(opened)
        recipe_of(opened.recipe)
        rebuild(opened, tmp_path / "root", tmp_path / "again")

    assert "\n" not in said(use)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r", "root"]


def manifest_of(release: Path) -> str:
    path = release / "manifest.jsonl"
    return (
        path.read_text()
        if path.is_file()
        else gzip.decompress(path.with_suffix(".jsonl.gz").read_bytes()).decode()
    )


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "", "[]", '{"schema": 1e999}', "\xff", '{"schema": ' + "1" * 5000]
)
def test_a_release_json_of_any_form_ends_in_a_sentence(damaged, text):
    (damaged[2] / "release.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"release\.json is damaged"):
        open_release(damaged[2])


def test_a_packed_manifest_that_unpacks_without_end_is_refused(damaged):
    release = damaged[2]
    (release / "manifest.jsonl").unlink(missing_ok=True)
    (release / "manifest.jsonl.gz").write_bytes(gzip.compress(bytes(64 << 20), 1))
    with pytest.raises(UsageError, match="bomb"):
        open_release(release)


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK]
)
def test_a_header_that_announces_gigabytes_is_refused_before_it_is_read(tmp_path, kind):
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, 1 << 33
    block = info.tobuf(tarfile.USTAR_FORMAT if info.size < 8**11 else tarfile.GNU_FORMAT)
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(block + bytes(1 << 20)))
    with pytest.raises(ArchiveError, match="beyond all measure"):
        list(read_archive(tmp_path / "x.tar.gz"))


def test_a_zip_that_asks_for_another_reader_is_refused(packed, tmp_path):
    """A version or a method that zipfile does not know is no crash of whoever was sent the file."""
    for offset, value in ((4, 149), (6, 149), (10, 12), (10, 14), (10, 99)):
        data = bytearray(packed["zip"])
        at = data.index(b"PK\x01\x02")
        data[at + offset : at + offset + 2] = value.to_bytes(2, "little")
        (tmp_path / "x.zip").write_bytes(data)
        text = said(lambda: list(read_archive(tmp_path / "x.zip")))
        assert text or offset == 4, "the version of the writer is nobody's business"


def test_a_file_that_is_also_a_folder_is_refused(tmp_path):
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        for name in ("a", "a/b"):
            info = tarfile.TarInfo(name)
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(ArchiveError, match="cannot be written"):
        unpack(tmp_path / "x.tar.gz", tmp_path / "out")


def test_a_checksum_file_in_an_archive_that_is_none_is_named(damaged, tmp_path):
    release = damaged[2]
    (release / "SHA256SUMS").write_bytes(b"\xff no sums")
    rows = [(p.relative_to(release).as_posix(), p) for p in release.rglob("*") if p.is_file()]
    opened = open_release(write_archive("zip", rows, tmp_path / "x.zip")[0])
    assert any("SHA256SUMS is damaged" in text for text in opened.damaged)


def test_only_a_line_feed_ends_a_line_of_a_manifest():
    """Python's splitlines would also cut at U+2028, which a file may be called."""
    names = ["a\u2028b.jpg", "c\x85d.jpg", "e\x0cf.jpg"]
    text = "".join(Outcome(n[:3], "ok", n, output=n, files={n: "0" * 64}).to_line() for n in names)
    assert [o.output for o in parse_manifest(text)] == names
    with pytest.raises(ValueError, match="line 4"):
        list(parse_manifest(f"{text}{{\n"))


@pytest.mark.parametrize(
    ("key", "value"),
    [("style_sha256", []), ("fabric_sha256", "x"), ("on_fail", []), ("jpeg", "png"), ("strict", "x")],
)
def test_a_damaged_recipe_is_named_by_its_part(damaged, tmp_path, key, value):
    root, _masked, release = damaged
    info = json.loads((release / "release.json").read_text())
    info["recipe"][key] = value
    (release / "release.json").write_text(json.dumps(info))
    with pytest.raises(UsageError, match=f"damaged at '{key}'"):
        rebuild(open_release(release), root, tmp_path / "again")


def test_a_release_does_not_choose_a_folder_of_landmarks_here(damaged, tmp_path):
    root, _masked, release = damaged
    info = json.loads((release / "release.json").read_text())
    info["recipe"]["landmarks"] = "files:/etc"
    (release / "release.json").write_text(json.dumps(info))
    with pytest.raises(UsageError, match="--landmarks"):
        rebuild(open_release(release), root, tmp_path / "again")
    assert not (tmp_path / "again").exists()
