"""What a release holds, what it must not hold, and when none is made."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from maskgen.cli.main import command, run
from maskgen.datasets import get_format
from maskgen.errors import MaskgenError, UsageError
from maskgen.io.files import sha256_file
from maskgen.jobs.manifest import read_manifest
from maskgen.jobs.output import RECORDS
from maskgen.masks.catalogue import Catalogue
from maskgen.release import licence
from maskgen.release.model import open_release
from maskgen.release.package import PackageOptions, package
from maskgen.release.rebuild import verify
from maskgen.release.splits import make_splits, parse_ratios
from rotaug.cli import run as rotaug
from tests.release.helpers import front_matter, mask, rows, synthetic


def test_no_place_and_no_name_of_the_machine_is_in_it(every):
    _, root, masked, release = every
    text = b"".join(p.read_bytes() for p in release.rglob("*") if p.is_file()).decode()
    for word in (str(root), str(masked), str(root.parent), str(Path.home()), "pytest-of"):
        assert word not in text, word


def test_the_same_dataset_gives_the_same_bytes(aflw, tmp_path, tree):
    _root, masked, release = aflw
    package(masked, tmp_path / "again", PackageOptions(jobs=2))
    assert tree(tmp_path / "again") == tree(release)


def test_sums_are_those_that_sha256sum_checks(every):
    release = every[3]
    subprocess.run(["sha256sum", "-c", "--quiet", "--strict", "SHA256SUMS"], cwd=release, check=True)
    listed = {line.split("  ", 1)[1] for line in (release / "SHA256SUMS").read_text().splitlines()}
    there = {p.relative_to(release).as_posix() for p in release.rglob("*") if p.is_file()}
    assert listed == there - {"SHA256SUMS"}


@pytest.mark.parametrize("name", sorted(licence.TERMS))
def test_pictures_of_the_three_datasets_stay_at_home_with_reason_and_source(name):
    with pytest.raises(UsageError) as caught:
        licence.gate("images", name, False, None)
    assert licence.TERMS[name].reason in str(caught.value)
    assert "http" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_right_must_be_stated_in_words_and_is_printed(aflw, tmp_path):
    _, masked, _ = aflw
    for right, words in ((None, "are not packed"), ("  yes ", "says too little")):
        with pytest.raises(UsageError, match=words):
            package(masked, tmp_path / "r", PackageOptions(kind="images", right=right))
    assert not (tmp_path / "r").exists()
    reason = "written permission of the authors, 2024-03-01"
    package(masked, tmp_path / "r", PackageOptions(kind="images", right=reason))
    assert reason in (tmp_path / "r" / "README.md").read_text()
    assert json.loads((tmp_path / "r" / "release.json").read_text())["right"] == reason
    assert front_matter(tmp_path / "r")["license"] == "other"


def test_a_dataset_that_fails_its_checks_is_refused_unless_told_in_words(damaged, tmp_path):
    _, masked, _ = damaged
    (masked / "image00006.jpg").write_bytes((masked / "image00004.jpg").read_bytes())
    with pytest.raises(UsageError, match=r"fails its checks with .*image00006"):
        package(masked, tmp_path / "r")
    with pytest.raises(UsageError, match="fails its checks"):
        package(masked, tmp_path / "r", PackageOptions(despite="  "))
    assert not (tmp_path / "r").exists()
    package(masked, tmp_path / "r", PackageOptions(despite="one picture is known to be swapped"))
    info = json.loads((tmp_path / "r" / "release.json").read_text())["despite"]
    assert info["reason"] == "one picture is known to be swapped"
    assert any("image00006" in line for line in info["errors"])
    assert "one picture is known to be swapped" in (tmp_path / "r" / "README.md").read_text()


def test_an_output_that_is_taken_or_inside_is_refused_and_nothing_deleted(damaged, tmp_path, tree):
    _, masked, release = damaged
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.tex").write_text("x")
    for out, options in (
        (taken, PackageOptions(overwrite=True)),
        (release, PackageOptions()),
        (masked / "release", PackageOptions()),
        (masked, PackageOptions(overwrite=True)),
    ):
        before = tree(tmp_path)
        with pytest.raises(UsageError):
            package(masked, out, options)
        assert tree(tmp_path) == before
    (release / "old.txt").write_text("x")
    package(masked, release, PackageOptions(overwrite=True))
    assert not (release / "old.txt").exists()
    assert not open_release(release).damaged


def test_nothing_is_written_outside_the_output(aflw, tmp_path):
    _, masked, _ = aflw
    package(masked, tmp_path / "here" / "r", PackageOptions(archive="tar.gz", part=3000))
    assert [p.name for p in tmp_path.iterdir()] == ["here"]
    assert [p.name for p in (tmp_path / "here").iterdir()] == ["r"]
    names = sorted(p.name for p in (tmp_path / "here" / "r").iterdir())
    assert names[:2] == ["README.md", "SHA256SUMS"]
    assert all(".tar.gz.part" in n for n in names[2:])


def test_archived_releases_are_the_same_bytes_twice(aflw, tmp_path, tree):
    _, masked, _ = aflw
    for place in ("one", "two"):
        package(masked, tmp_path / place, PackageOptions(archive="zip"))
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_second_version_says_what_changed(damaged, tmp_path):
    _, masked, release = damaged
    package(masked, tmp_path / "r2", PackageOptions(version="1.1.0", previous=release, note="Better card."))
    text = (tmp_path / "r2" / "CHANGELOG.md").read_text()
    assert text.index("## 1.1.0") < text.index("Better card.") < text.index("bytes are the same")
    assert text.index("bytes are the same") < text.index("## 1.0.0") < text.index("First release.")


def test_splits_cut_no_group_and_keep_their_shares():
    groups = {f"p{i % 40}/{i}": f"p{i % 40}" for i in range(1000)}
    splits = make_splits(groups, {"train": 8, "val": 1, "test": 1}, seed=3)
    for group in set(groups.values()):
        assert len({splits.of[i] for i, g in groups.items() if g == group}) == 1
    record = splits.record()
    assert sum(record["images"].values()) == 1000
    assert record["images"]["train"] == pytest.approx(800, abs=25)
    assert record["images"]["val"] == pytest.approx(100, abs=25)
    assert make_splits(groups, {"train": 8, "val": 1, "test": 1}, seed=3).of == splits.of
    assert make_splits(groups, {"train": 8, "val": 1, "test": 1}, seed=4).of != splits.of
    assert (
        make_splits(dict(reversed(groups.items())), {"train": 8, "val": 1, "test": 1}, 3).names
        == splits.names
    )


def test_no_flip_and_no_view_crosses_in_a_release_of_300w_lp(made_of):
    release = made_of("300W-LP")[2]
    by_photo: dict[str, set[str]] = {}
    for row in rows(release / "metadata.csv"):
        by_photo.setdefault(row["group"], set()).add(row["split"])
        lists = [n for n in ("train", "val", "test") if row["id"] in ids(release, n)]
        assert lists == [row["split"]]
    assert all(len(found) == 1 for found in by_photo.values())
    record = json.loads((release / "release.json").read_text())["splits"]
    for name, known in record["sha256"].items():
        assert sha256_file(release / "splits" / f"{name}.txt") == known


def ids(release: Path, split: str) -> list[str]:
    return (release / "splits" / f"{split}.txt").read_text().splitlines()


@pytest.mark.parametrize("text", ["train", "train=x", "train=0", "", "a b=1", "all=1", "train=-1", "t=inf"])
def test_wrong_ratios_are_refused(text):
    with pytest.raises(UsageError, match="--splits"):
        parse_ratios(text)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["NOWHERE", "--out", "x"], "holds no"),
        (["ROOT", "--out", "x"], "takes an output of maskgen apply"),
        (["MASKED", "--out", "x", "--layers", "touched"], "unknown layer"),
        (["MASKED", "--out", "x", "--layout", "webdataset"], "recipe release holds none"),
        (["MASKED", "--out", "x", "--part-size", "3M"], "--archive"),
        (["MASKED", "--out", "x", "--part-size", "many"], "is no size"),
        (["MASKED", "--out", "x", "--kind", "images"], "neerajkumar|AFLW"),
        (["MASKED", "--out", "x", "--date", "yesterday"], "YYYY-MM-DD"),
    ],
)
def test_wrong_calls_are_one_line_with_code_2(aflw, tmp_path, monkeypatch, capsys, arguments, words):
    import re

    monkeypatch.chdir(tmp_path)
    places = {"MASKED": str(aflw[1]), "ROOT": str(aflw[0]), "NOWHERE": str(tmp_path / "nowhere")}
    assert run(command, ["package", *(places.get(a, a) for a in arguments)]) == 2
    error = capsys.readouterr().err
    assert re.search(words, error)
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_command_packs_and_says_what_it_packed(aflw, tmp_path, capsys):
    out = tmp_path / "r"
    assert run(command, ["package", str(aflw[1]), "--out", str(out), "--no-pixels", "--layers", "alpha"]) == 0
    assert "recipe release masked-recipe 1.0.0 of 6 images" in capsys.readouterr().out
    assert not (out / "pixels.sha256").exists()
    assert len(list((out / "alpha").iterdir())) == sum(
        o.status == "ok" or o.status == "degraded" for o in read_manifest(aflw[1])
    )


def test_a_rotated_dataset_does_not_claim_copied_labels(fake_dataset, tmp_path):
    turned = tmp_path / "turned"
    arguments = ["--dataset", "AFLW2000", "--root", str(fake_dataset("AFLW2000")), "--range", "-20", "20"]
    assert rotaug([*arguments, "--out", str(turned), "-q"]) == 0
    package(tmp_path / "turned", tmp_path / "r")
    text = (tmp_path / "r" / "README.md").read_text()
    assert "byte for byte from the originals" not in text
    assert "rotated in the plane" in text
    assert "Run rotaug with the recipe" in text
    assert "No picture wears" in text
    assert "face-mask" not in text
    assert not any(row["mask"] == "true" for row in rows(tmp_path / "r" / "metadata.csv"))
    assert verify(open_release(tmp_path / "r"), tmp_path / "turned").ok


def test_a_rotated_masked_dataset_says_who_wears_what(aflw, tmp_path):
    masked, turned, again = (tmp_path / name for name in ("masked", "turned", "again"))
    mask("AFLW2000", aflw[0], masked, share=0.5)
    for root, out in ((masked, turned), (turned, again)):
        call = ["--dataset", "AFLW2000", "--root", str(root), "--range", "-20", "20", "--out", str(out)]
        assert rotaug([*call, "-q"]) == 0
    worn = {
        o.id: (o.draw or {}).get("style") if o.status != "skipped" else None for o in read_manifest(masked)
    }
    assert None in worn.values()  # else the test says nothing of those left bare
    for folder in (turned, again):
        package(folder, tmp_path / f"r_{folder.name}")
        told = rows(tmp_path / f"r_{folder.name}" / "metadata.csv")
        assert {r["id"]: r["style"] or None for r in told} == worn
        assert all((r["mask"] == "true") == bool(r["style"]) for r in told)


def test_the_card_says_what_rebuilding_needs(aflw, tmp_path):
    root, _, _ = aflw
    own = shutil.copytree(Catalogue.load().style("cloth").folder, tmp_path / "mine" / "market")
    masked, turned = tmp_path / "masked", tmp_path / "turned"
    call = ["apply", "--dataset", "AFLW2000", "--root", str(root), "--out", str(masked), "--limit", "2"]
    assert run(command, [*call, "--styles", "market", "--templates", str(own.parent)]) == 0
    package(masked, tmp_path / "r1")
    text = (tmp_path / "r1" / "README.md").read_text()
    assert "--root AFLW2000 --templates FOLDER --out" in text
    assert "templates market" in text
    call = ["--dataset", "AFLW2000", "--root", str(root), "--range", "-20", "20", "--out", str(turned), "-q"]
    assert rotaug(call) == 0
    call = ["apply", "--dataset", "AFLW2000", "--root", str(turned), "--out", str(tmp_path / "both")]
    assert run(command, [*call, "--limit", "2", "--styles", "surgical"]) == 0
    package(tmp_path / "both", tmp_path / "r2")
    assert "--root AFLW2000_rotated --out" in (tmp_path / "r2" / "README.md").read_text()


def test_synth_output_without_a_manifest_can_be_released(tmp_path, monkeypatch):
    """A dataset of maskgen synth keeps no manifest; its files are listed as they are."""
    from maskgen.synth.layouts.base import Order
    from maskgen.synth.run import generate, get_layout

    root = tmp_path / "synth"
    layout = get_layout("AFLW2000")
    generate(layout, Order(root, 1, 0, "uniform", 0, None, (), False), quiet=True)
    made = package(root, tmp_path / "r", PackageOptions(kind="images"))
    assert made.info["synthetic"]
    with pytest.raises(UsageError, match="--kind images"):
        package(root, tmp_path / "q")
    assert (
        io.BytesIO((tmp_path / "r" / "data" / "metadata.csv").read_bytes())
        .readline()
        .startswith(b"file_name")
    )


def test_a_biwi_person_of_two_sequences_is_in_one_split():
    fmt = get_format("BIWI")
    people = {f"hpdb/{n:02d}/frame_00003": fmt.person(f"hpdb/{n:02d}/frame_00003") for n in range(1, 25)}
    assert len(set(people.values())) == 20
    for seed in range(20):
        splits = make_splits(people, {"train": 0.5, "test": 0.5}, seed)
        for first, second in (("03", "15"), ("05", "18"), ("02", "21"), ("07", "22")):
            assert splits.of[f"hpdb/{first}/frame_00003"] == splits.of[f"hpdb/{second}/frame_00003"]


@pytest.mark.parametrize(
    "values", [{"name": "../../x"}, {"name": "/x"}, {"version": "1/../../x"}, {"name": ""}]
)
def test_names_that_would_leave_the_output_are_refused(values):
    with pytest.raises(UsageError, match="file names"):
        PackageOptions(archive="zip", **values)


def test_an_archived_release_may_be_replaced_and_its_history_goes_on(damaged, tmp_path):
    _, masked, _ = damaged
    out = tmp_path / "r"
    package(masked, out, PackageOptions(archive="zip", note="The first."))
    with pytest.raises(UsageError, match="--overwrite"):
        package(masked, out, PackageOptions(archive="zip"))
    old = Path(shutil.copytree(out, tmp_path / "old"))
    package(masked, out, PackageOptions(overwrite=True, version="1.1.0", previous=old, note="The second."))
    text = (out / "CHANGELOG.md").read_text()
    assert text.index("The second.") < text.index("## 1.0.0") < text.index("The first.")
    (old / "SHA256SUMS").write_text("")
    with pytest.raises(UsageError, match="new or an empty"):
        package(masked, old, PackageOptions(overwrite=True))


def test_what_is_missing_is_said_before_anything_is_read(aflw, tmp_path, monkeypatch):
    _, masked, _ = aflw
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    for options, words in (
        (PackageOptions(parquet=True), r"maskgen\[parquet\]"),
        (PackageOptions(archive="tar.zst"), r"maskgen\[zstd\]"),
    ):
        with pytest.raises(MaskgenError, match=words):
            package(masked, tmp_path / "r", options)
    assert not (tmp_path / "r").exists()


def test_a_manifest_that_leads_out_of_the_dataset_is_not_packed(damaged, tmp_path):
    _, masked, _ = damaged
    path = synthetic(masked) / RECORDS / "manifest.jsonl"
    path.write_text(path.read_text().replace("image00006.mat", "../../image00006.mat"))
    with pytest.raises(UsageError, match="relative"):
        package(masked, tmp_path / "r", PackageOptions(kind="images"))
    assert not (tmp_path / "r").exists()
