"""Journals survive what happens to programs; chains say who made the input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maskgen.io.files import sha256_file
from maskgen.jobs.manifest import Journal, digest, inherit_chain, read_manifest, versions, write_run
from maskgen.jobs.outcome import Outcome
from maskgen.jobs.output import RECORDS


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / RECORDS).mkdir()
    return tmp_path


def line(name: str, quality: float = 1.0) -> Outcome:
    return Outcome(name, "ok", f"{name}.jpg", numbers={"quality": quality})


def test_an_attempt_that_ends_early_is_found_by_the_next(out):
    journal = Journal(out)
    for name in "abc":
        journal.append(line(name))
    journal.close()
    again = Journal(out)
    found = [again.earlier(name) for name in "abcd"]
    assert found == [line("a"), line("b"), line("c"), None]


def test_lines_are_on_disk_before_the_program_ends(out):
    journal = Journal(out)
    journal.append(line("a"))
    assert Journal(out).earlier("a") == line("a")


def test_the_newest_attempt_wins_and_older_ones_fill_the_gaps(out):
    for attempt, names in enumerate(["abcd", "ab"]):
        journal = Journal(out)
        for name in names:
            journal.append(line(name, quality=attempt / 4))
        journal.close()
    journal = Journal(out)
    assert [journal.earlier(name).numbers["quality"] for name in "abcd"] == [0.25, 0.25, 0.0, 0.0]


def test_a_line_torn_by_a_crash_is_done_again_and_hurts_no_other(out):
    journal = Journal(out)
    for name in "abc":
        journal.append(line(name))
    journal.close()
    path = out / RECORDS / "journal" / "0001.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + lines[1][:40] + "\n" + lines[2] + '{"id":"d","sta')
    again = Journal(out)
    assert [again.earlier(name) is not None for name in "abcd"] == [True, False, True, False]


def test_samples_that_are_new_or_gone_do_not_lose_the_others(out):
    journal = Journal(out)
    for name in "ace":
        journal.append(line(name))
    journal.close()
    again = Journal(out)
    assert [again.earlier(name) is not None for name in ["a", "b", "e", "f"]] == [True, False, True, False]


def test_promoting_makes_the_manifest_and_leaves_no_journal(out):
    journal = Journal(out)
    for name in "ab":
        journal.append(line(name))
    value = journal.promote()
    assert value == sha256_file(out / RECORDS / "manifest.jsonl")
    assert list(read_manifest(out)) == [line("a"), line("b")]
    assert not (out / RECORDS / "journal").exists()


def test_a_complete_run_is_resumed_from_its_manifest(out):
    journal = Journal(out)
    journal.append(line("a"))
    journal.promote()
    assert Journal(out).earlier("a") == line("a")


def test_a_broken_manifest_line_is_named(out):
    (out / RECORDS / "manifest.jsonl").write_text(line("a").to_line() + "{}\n")
    with pytest.raises(ValueError, match="line 2"):
        list(read_manifest(out))


def test_an_original_dataset_has_no_chain(tmp_path, out):
    assert inherit_chain(tmp_path / "nothing", out) == []


def test_a_chain_grows_by_one_link_a_program_and_keeps_every_manifest(tmp_path):
    folders = [tmp_path / name for name in ("rotated", "masked", "rotated_again")]
    for folder, tool in zip(folders, ("rotaug", "maskgen", "rotaug"), strict=True):
        (folder / RECORDS).mkdir(parents=True)
        parent = folders[folders.index(folder) - 1] if folder != folders[0] else tmp_path / "original"
        chain = inherit_chain(parent, folder)
        journal = Journal(folder)
        journal.append(line(tool))
        value = journal.promote()
        write_run(folder, {"tool": tool, "versions": versions(), "recipe": {"by": tool}, "chain": chain})
        assert [link["tool"] for link in chain] == ["rotaug", "maskgen"][: folders.index(folder)]
        if chain:
            assert chain[-1]["manifest_sha256"] == sha256_file(parent / RECORDS / "manifest.jsonl")
        for link in chain:
            kept = folder / RECORDS / "chain" / link["manifest"]
            assert sha256_file(kept) == link["manifest_sha256"]
        assert len(value) == 64


def test_a_digest_ignores_the_order_of_keys_and_nothing_else():
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert digest((1, 2)) == digest([1, 2])


def test_run_json_is_readable_json(out):
    write_run(out, {"tool": "maskgen", "who": "Zoë"})
    assert json.loads((out / RECORDS / "run.json").read_text(encoding="utf-8"))["who"] == "Zoë"


def test_versions_name_every_library_that_can_change_bytes():
    assert {"maskgen", "python", "numpy", "opencv-python", "pillow"} <= set(versions())
