"""Output folders: nobody's files are ever deleted, mixed or written into by two programs at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from maskgen.errors import UsageError
from maskgen.jobs.output import RECORDS, check_apart, open_output, read_run


def ours(out: Path, **values: object) -> Path:
    """A folder as an earlier run leaves it."""
    (out / RECORDS / "segmentation").mkdir(parents=True)
    (out / RECORDS / "run.json").write_text(json.dumps({"tool": "maskgen", "status": "complete", **values}))
    (out / "01").mkdir()
    (out / "01" / "a.png").write_bytes(b"old")
    return out


def test_a_new_or_empty_folder_is_a_fresh_start(tmp_path):
    for out in (tmp_path / "new" / "deep", tmp_path / "empty"):
        if out.name == "empty":
            out.mkdir()
        with open_output(out) as run:
            assert run is None
            assert (out / RECORDS).is_dir()


def test_a_run_that_never_began_does_not_block_the_next(tmp_path):
    with open_output(tmp_path / "out"):
        pass
    with open_output(tmp_path / "out") as run:
        assert run is None


def test_an_earlier_output_is_refused_without_a_word_from_the_user(tmp_path):
    out = ours(tmp_path / "out")
    with pytest.raises(UsageError, match=r"--resume .* --overwrite"), open_output(out):
        pass
    assert (out / "01" / "a.png").read_bytes() == b"old"


def test_resume_gives_the_earlier_run_and_keeps_every_file(tmp_path):
    out = ours(tmp_path / "out", seed=3)
    with open_output(out, resume=True) as run:
        assert run is not None
        assert run["seed"] == 3
    assert (out / "01" / "a.png").read_bytes() == b"old"


def test_overwrite_empties_what_is_ours(tmp_path):
    out = ours(tmp_path / "out")
    with open_output(out, overwrite=True) as run:
        assert run is None
        assert {path.name for path in out.rglob("*")} <= {RECORDS, "lock"}


@pytest.mark.parametrize("flag", ["resume", "overwrite"])
@pytest.mark.parametrize("record", [None, "", "{", "[]", '{"other": 1}'])
def test_a_users_folder_is_never_touched(tmp_path, flag, record):
    out = tmp_path / "photos"
    (out / "holiday").mkdir(parents=True)
    (out / "holiday" / "1.jpg").write_bytes(b"dear")
    if record is not None:
        (out / RECORDS).mkdir()
        (out / RECORDS / "run.json").write_text(record)
    before = sorted(out.rglob("*"))
    with pytest.raises(UsageError, match="not an earlier output"), open_output(out, **{flag: True}):
        pass
    assert sorted(out.rglob("*")) == before


def test_overwrite_does_not_follow_links_out_of_the_folder(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "dear.txt").write_text("dear")
    out = ours(tmp_path / "out")
    (out / "link").symlink_to(outside)
    (out / RECORDS / "link").symlink_to(outside)
    with open_output(out, overwrite=True):
        pass
    assert (outside / "dear.txt").read_text() == "dear"


def test_resume_and_overwrite_exclude_each_other(tmp_path):
    with pytest.raises(UsageError, match="exclude"), open_output(tmp_path, resume=True, overwrite=True):
        pass


def test_a_file_is_no_output_folder(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(UsageError, match="is a file"), open_output(tmp_path / "out"):
        pass


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot use") as caught, open_output(tmp_path / "file" / "out"):
        pass
    assert "\n" not in str(caught.value)


def test_a_second_program_is_kept_out_while_the_first_writes(tmp_path):
    script = (
        "import sys; from pathlib import Path; from maskgen.jobs.output import open_output\n"
        "from maskgen.errors import UsageError\n"
        "try:\n  with open_output(Path(sys.argv[1]), resume=True): pass\n"
        "except UsageError as e: sys.exit(str(e))\n"
    )
    call = [sys.executable, "-c", script, str(tmp_path / "out")]
    with open_output(tmp_path / "out"):
        held = subprocess.run(call, capture_output=True, text=True)
        assert held.returncode == 1
        assert "another program is writing" in held.stderr
    assert subprocess.run(call, capture_output=True).returncode == 0


def test_output_must_lie_apart_from_the_input(tmp_path):
    root = tmp_path / "BIWI"
    (root / "hpdb").mkdir(parents=True)
    (tmp_path / "alias").symlink_to(root)
    for bad in (root, root / "masked", root / "hpdb" / ".." / "x", tmp_path, tmp_path / "alias" / "x"):
        with pytest.raises(UsageError, match="--out"):
            check_apart(root, bad)
    check_apart(root, tmp_path / "BIWI_masked")
    check_apart(root, tmp_path / "BIW")


def test_a_broken_run_json_reads_as_none(tmp_path):
    assert read_run(tmp_path) is None
    (tmp_path / RECORDS).mkdir()
    (tmp_path / RECORDS / "run.json").write_bytes(b"\xff\xfe{")
    assert read_run(tmp_path) is None
    for text in ('{"tool": "maskgen", "root": 7}', '{"tool": "maskgen", "recipe": []}', "[]", "7"):
        (tmp_path / RECORDS / "run.json").write_text(text)
        assert read_run(tmp_path) is None
    (tmp_path / RECORDS / "run.json").write_text('{"tool": "maskgen", "root": "x", "chain": null}')
    assert read_run(tmp_path) is not None
