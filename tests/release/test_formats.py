"""The formats of a release as those who read it see them: tables, hubs, shards, Croissant, card."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from maskgen.datasets import get_format
from maskgen.io.files import sha256_file
from maskgen.jobs.manifest import read_manifest
from maskgen.jobs.output import RECORDS
from maskgen.release import licence
from maskgen.release.package import PackageOptions, package
from tests.release.helpers import front_matter, rows, synthetic


def test_the_table_agrees_with_labels_and_manifest(every):
    name, _, masked, release = every
    fmt = get_format(name)
    table = {row["id"]: row for row in rows(release / "metadata.csv")}
    outcomes = {o.id: o for o in read_manifest(masked)}
    assert list(table) == [o.id for o in outcomes.values() if o.output]
    assert {o.status for o in outcomes.values()} >= {"skipped"} or len(table) < 10
    for entry in fmt.index(masked):
        row, angles = table[entry.id], fmt.read(masked, entry).label_angles
        assert (masked / row["file_name"]).is_file()
        assert [float(row[a]) for a in ("yaw", "pitch", "roll")] == pytest.approx(angles, abs=6e-5)
        painted = outcomes[entry.id].status != "skipped"
        assert row["mask"] == str(painted).lower()
        assert row["style"] == (outcomes[entry.id].draw["style"] if painted else "")


def test_the_card_has_a_header_that_hubs_read_and_every_section(every):
    name, _, _, release = every
    head = front_matter(release)
    assert head["license"] == "cc-by-4.0"
    assert head["size_categories"] == ["n<1K"]
    assert head["configs"][0]["data_files"][0]["path"] == "metadata.csv"
    text = (release / "README.md").read_text()
    for section in ("How to use it", "Pose", "Masks", "Splits", "Known limits", "People", "Citation"):
        assert f"\n## {section}\n" in text
    assert get_format(name).card.citation in text
    assert licence.TERMS[name].source in text


def test_synthetic_pictures_may_go_out(damaged, tmp_path, tree):
    masked = synthetic(damaged[1])
    package(masked, tmp_path / "r", PackageOptions(kind="images"))
    data = tree(tmp_path / "r" / "data")
    table = data.pop("metadata.csv")
    assert data == {n: d for n, d in tree(masked).items() if not n.startswith(RECORDS)}
    assert b"image00006.jpg" in table
    card = (tmp_path / "r" / "README.md").read_text()
    assert "no photo and no person" in card
    assert "Labels are exact" in card
    assert "from the originals" not in card
    assert "synthetic" in front_matter(tmp_path / "r")["tags"]


def test_imagefolder_has_one_folder_and_table_a_split(damaged, tmp_path):
    masked, out = synthetic(damaged[1]), tmp_path / "r"
    options = PackageOptions(kind="images", layout="imagefolder", ratios={"train": 0.5, "test": 0.5})
    package(masked, out, options)
    seen = []
    for split in ("train", "test"):
        for row in rows(out / "data" / split / "metadata.csv"):
            assert row["split"] == split
            assert sha256_file(out / "data" / split / row["file_name"]) == sha256_file(
                masked / row["file_name"]
            )
            seen.append(row["id"])
    assert sorted(seen) == sorted(o.id for o in read_manifest(masked))
    paths = {f["split"]: f["path"] for f in front_matter(out)["configs"][0]["data_files"]}
    assert paths == {"train": "data/train/**", "test": "data/test/**"}


def test_webdataset_shards_group_a_picture_with_its_labels(every, tmp_path):
    name, _, masked, _ = every
    masked = synthetic(Path(shutil.copytree(masked, tmp_path / "masked")))
    out = tmp_path / "r"
    package(masked, out, PackageOptions(kind="images", layout="webdataset", shard=2))
    found: dict[str, dict[str, bytes]] = {}
    for shard in sorted((out / "shards").glob("*.tar")):
        with tarfile.open(shard) as tar:
            keys = []
            for member in tar:
                folder, _, base = member.name.rpartition("/")
                key, _, extension = base.partition(".")
                key = f"{folder}/{key}" if folder else key
                keys.append(key)
                found.setdefault(key, {})[extension] = tar.extractfile(member).read()
            assert len(set(keys)) <= 2
            assert keys == sorted(keys, key=keys.index), "members of a picture stand together"
    entries = {e.id: e for e in get_format(name).index(masked)}
    assert set(found) == set(entries)
    for key, members in found.items():
        entry = entries[key]
        assert json.loads(members["json"])["id"] == key
        contents = {hashlib.sha256(d).hexdigest() for n, d in members.items() if n != "json"}
        assert contents == {sha256_file(masked / n) for n in (entry.image, *entry.labels)}
        assert entry.image.suffix[1:].lower() in members
    for shared in get_format(name).shared_files(masked):
        assert (out / "shared" / shared).is_file()


def test_a_parquet_index_has_the_table_and_the_hashes(aflw, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    _, masked, _ = aflw
    package(masked, tmp_path / "r", PackageOptions(parquet=True))
    table = parquet.read_table(tmp_path / "r" / "index.parquet").to_pylist()
    plain = rows(tmp_path / "r" / "metadata.csv")
    assert [r["id"] for r in table] == [r["id"] for r in plain]
    for row in table:
        assert row["sha256"] == sha256_file(masked / row["file_name"])
        assert isinstance(row["yaw"], float)
        assert len(row["pixels_sha256"]) == 64


def test_croissant_is_valid_and_its_records_are_the_table(every, tmp_path, caplog):
    mlcroissant = pytest.importorskip("mlcroissant")
    _, _, masked, _ = every
    out = tmp_path / "r"
    package(masked, out, PackageOptions(date="2026-01-31"))
    dataset = mlcroissant.Dataset(out / "croissant.json")
    assert not dataset.metadata.issues.errors
    assert not dataset.metadata.issues.warnings
    assert not [r for r in caplog.records if r.levelname in ("WARNING", "ERROR")]
    records = list(dataset.records("images"))
    plain = rows(out / "metadata.csv")
    assert [r["images/id"].decode() for r in records] == [r["id"] for r in plain]
    assert [r["images/yaw"] for r in records] == pytest.approx([float(r["yaw"]) for r in plain])
    described = json.loads((out / "croissant.json").read_text())
    for field in ("dataCollection", "dataBiases", "dataLimitation", "personalSensitiveInformation"):
        assert described[f"rai:{field}"]
    for file in described["distribution"]:
        assert file["sha256"] == sha256_file(out / file["contentUrl"])


@pytest.mark.parametrize("layout", ["tree", "imagefolder", "webdataset"])
def test_croissant_of_pictures_is_valid_in_every_layout(damaged, tmp_path, layout):
    mlcroissant = pytest.importorskip("mlcroissant")
    package(synthetic(damaged[1]), tmp_path / "r", PackageOptions(kind="images", layout=layout))
    dataset = mlcroissant.Dataset(tmp_path / "r" / "croissant.json")
    assert not dataset.metadata.issues.errors
    names = [s.name for s in dataset.metadata.record_sets]
    found = [r for name in names if name.startswith("images") for r in dataset.records(name)]
    assert len(found) == 6
    views = [r for name in names if name.endswith("_content") for r in dataset.records(name)]
    assert len(views) == (0 if layout == "webdataset" else 6)
    for record in views:
        path, image = (next(v for k, v in record.items() if k.endswith(end)) for end in ("/path", "/image"))
        assert image.size == Image.open(tmp_path / "r" / path.decode()).size


def test_the_card_names_a_licence_by_link_as_hubs_want_it(aflw, tmp_path):
    address = "https://opendatacommons.org/licenses/by/1-0/"
    package(aflw[1], tmp_path / "r", PackageOptions(licence=address))
    head = front_matter(tmp_path / "r")
    assert (head["license"], head["license_name"], head["license_link"]) == ("other", "as-linked", address)


def test_wild_labels_are_one_row_of_the_histogram_and_are_counted(every):
    """AFLW2000 has pitch labels of -300 degrees: they must not be a page of empty rows."""
    _, _, _, release = every
    table = rows(release / "metadata.csv")
    text = (release / "README.md").read_text()
    histogram = text.split("\n## Pose\n")[1].split("\n## ")[0]
    assert 1 <= histogram.count(" to ") <= 14
    for number, axis in enumerate(("yaw", "pitch", "roll"), 2):
        cells = [line.split("|")[number] for line in histogram.splitlines() if line.startswith("|")][2:]
        assert sum(int(c) for c in cells if c.strip()) == sum(bool(r[axis]) for r in table)
    wild = sum(any(abs(float(r[a])) > 99 for a in ("yaw", "pitch", "roll")) for r in table if r["yaw"])
    assert (f"{wild} of {len(table)} pictures have an angle beyond 99" in histogram) == (wild > 0)
