"""maskgen apply, end to end with the real painter: same tree, same labels, everything accounted for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from maskgen.apply import apply_recipe, preview, template_hashes
from maskgen.apply_one import ApplyOptions, Templates
from maskgen.datasets import all_formats, get_format
from maskgen.io.files import sha256_bytes, sha256_file
from maskgen.io.images import decode_image, encode_like, read_image
from maskgen.jobs.batch import Summary
from maskgen.jobs.manifest import read_manifest
from maskgen.jobs.output import RECORDS
from maskgen.recipe import Recipe

NAMES = [fmt.name for fmt in all_formats()]


def recipe(**values: Any) -> Recipe:
    return Recipe().updated(values).resolved(Templates().catalogue())


def masked(name: str, root: Path, out: Path, options: ApplyOptions | None = None, **values: Any) -> Summary:
    return apply_recipe(get_format(name), root, out, recipe(**values), options)


def files(root: Path) -> dict[str, str]:
    """SHA-256 of every file of the dataset itself."""
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {name: sha256_file(path) for name, path in found.items() if not name.startswith(RECORDS)}


@pytest.fixture(params=NAMES)
def made(request, fake_dataset: Callable[..., Path], tmp_path: Path) -> tuple[str, Path, Path]:
    """A masked fake with every side output: its name, root and output."""
    root, out = fake_dataset(request.param), tmp_path / "masked"
    summary = masked(request.param, root, out, save="alpha,segmentation,touched,landmarks")
    assert summary.failed == 0
    return request.param, root, out


def test_the_tree_is_the_inputs_and_labels_are_the_same_bytes(made):
    name, root, out = made
    fmt = get_format(name)
    images = {str(entry.image) for entry in fmt.index(root)}
    dataset_files = images | {str(label) for entry in fmt.index(root) for label in entry.labels}
    dataset_files |= {str(path) for path in fmt.shared_files(root)}
    before, after = files(root), files(out)
    assert set(after) == dataset_files
    for path in dataset_files - images:
        assert after[path] == before[path], path
    assert all(after[path] != before[path] for path in images)


def test_the_formats_own_reader_reads_the_output_as_the_original(made):
    name, root, out = made
    fmt = get_format(name)
    assert fmt.recognises(out)
    for before, after in zip(fmt.index(root), fmt.index(out), strict=True):
        assert before == after
        old, new = fmt.read(root, before), fmt.read(out, after)
        assert old.size == new.size
        assert old.label_angles == new.label_angles


def test_pictures_are_encoded_like_their_sources(made):
    name, root, out = made
    for entry in get_format(name).index(root):
        with Image.open(root / entry.image) as old, Image.open(out / entry.image) as new:
            assert (new.format, new.mode, new.size) == (old.format, old.mode, old.size)
            if old.format == "JPEG":
                assert new.quantization == old.quantization


def test_the_manifest_accounts_for_every_input_and_every_byte(made):
    name, root, out = made
    outcomes = list(read_manifest(out))
    assert [outcome.id for outcome in outcomes] == [entry.id for entry in get_format(name).index(root)]
    for outcome in outcomes:
        assert outcome.status in ("ok", "degraded")
        assert {"residual", "quality", "coverage", "yaw", "pitch", "roll"} <= set(outcome.numbers)
        for path, value in outcome.sources.items():
            assert sha256_file(root / path) == value
        for path, value in outcome.files.items():
            assert sha256_file(out / path) == value
    run = json.loads((out / RECORDS / "run.json").read_text())
    assert run["manifest_sha256"] == sha256_file(out / RECORDS / "manifest.jsonl")
    listed = {path for outcome in outcomes for path in outcome.files} | set(run["shared"])
    listed |= {f"{RECORDS}/run.json", f"{RECORDS}/manifest.jsonl"}
    assert listed == {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_side_outputs_describe_the_picture_they_belong_to(made):
    name, root, out = made
    for entry in get_format(name).index(root):
        before, after = read_image(root / entry.image).bgr, read_image(out / entry.image).bgr

        def plane(kind: str, image: Path = Path(entry.image)) -> np.ndarray:
            path = out / RECORDS / kind / image.with_suffix(".png")
            return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)

        alpha, segmentation, touched = plane("alpha"), plane("segmentation"), plane("touched")
        for found in (alpha, segmentation, touched):
            assert found.shape == before.shape[:2]
        assert alpha.dtype == np.uint16
        assert set(np.unique(segmentation)) <= {0, 1, 2}
        assert (segmentation == 1).sum() > 300
        assert set(np.unique(touched)) <= {0, 255}
        assert touched[segmentation > 0].mean() > 0.9 * 255  # paint may meet the level that was there
        assert ((segmentation > 0) == (alpha >= 0.5 * 65535)).mean() > 0.995
        if entry.image.suffix == ".png":
            assert (before == after)[touched == 0].all()
        landmarks = json.loads((out / RECORDS / "landmarks" / entry.image.with_suffix(".json")).read_text())
        assert np.shape(landmarks["points"]) in ((68, 2), (68, 3))
        assert set(landmarks["visibility"]) <= {0, 1, 2}
        assert 2 in landmarks["visibility"]


def test_masking_twice_gives_the_same_bytes_and_another_seed_others(fake_dataset, tmp_path):
    root = fake_dataset("AFLW2000")
    for out, seed in (("one", 1), ("two", 1), ("three", 2)):
        masked("AFLW2000", root, tmp_path / out, seed=seed)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert files(tmp_path / "one") != files(tmp_path / "three")


@pytest.mark.parametrize("name", NAMES)
def test_one_worker_and_two_give_the_same_bytes(name, fake_dataset, tmp_path):
    root, values = fake_dataset(name), {"save": "alpha,segmentation,landmarks", "fabrics": ""}
    for jobs in (1, 2):
        options = ApplyOptions(jobs=jobs, control=tmp_path / f"control{jobs}")
        masked(name, root, tmp_path / f"out{jobs}", options, **values)
    everything = []
    for folder in ("out1", "out2"):
        out = tmp_path / folder
        found = {p.relative_to(out).as_posix(): sha256_file(p) for p in out.rglob("*") if p.is_file()}
        found.pop(f"{RECORDS}/run.json")
        everything.append(found)
    assert everything[0] == everything[1]
    assert files(tmp_path / "control1") == files(tmp_path / "control2")


def test_the_clean_twin_differs_by_the_mask_alone(fake_dataset, tmp_path):
    root, out, control = fake_dataset("AFLW2000"), tmp_path / "out", tmp_path / "control"
    masked("AFLW2000", root, out, ApplyOptions(control=control), save="touched")
    assert set(files(control)) == set(files(out)) == set(files(root))
    for entry in get_format("AFLW2000").index(root):
        source = read_image(root / entry.image)
        assert (control / entry.image).read_bytes() == encode_like(source, source.bgr)
        clean, mask = read_image(control / entry.image).bgr, read_image(out / entry.image).bgr
        touched = cv2.imread(str(out / RECORDS / "touched" / entry.image.with_suffix(".png")), 0) > 0
        # a JPEG block is 16 pixels wide where chroma is halved, and decoders smooth chroma one pixel further
        reach = cv2.dilate(touched.astype(np.uint8), np.ones((35, 35), np.uint8)) > 0
        assert (~reach).any()
        assert (clean == mask)[~reach].all()


def test_a_share_leaves_the_rest_unmasked_but_through_the_same_codec(fake_dataset, tmp_path):
    root, out = fake_dataset("300W-LP"), tmp_path / "out"
    summary = masked("300W-LP", root, out, share=0.5)
    assert 0 < summary.statuses["skipped"] < summary.total
    for outcome in read_manifest(out):
        if outcome.status == "skipped":
            assert outcome.draw is None
            source = read_image(root / outcome.source)
            assert (out / outcome.source).read_bytes() == encode_like(source, source.bgr)


def test_a_picture_below_strict_fails_with_its_quality(fake_dataset, tmp_path):
    root, out = fake_dataset("BIWI"), tmp_path / "out"
    summary = masked("BIWI", root, out, ApplyOptions(strict=1.0))
    assert summary.failed == summary.total > 0
    for outcome in read_manifest(out):
        assert outcome.code == "quality"
        assert "below --strict 1" in outcome.reasons[0]
        assert outcome.numbers["quality"] < 1
        assert not (out / outcome.source).exists()


def test_masks_over_a_masked_dataset_keep_its_identity_in_the_chain(fake_dataset, tmp_path):
    root = fake_dataset("AFLW2000")
    first = masked("AFLW2000", root, tmp_path / "one", save="segmentation")
    second = masked("AFLW2000", tmp_path / "one", tmp_path / "two")
    assert second.total == first.total
    run = json.loads((tmp_path / "two" / RECORDS / "run.json").read_text())
    (link,) = run["chain"]
    assert (link["tool"], link["manifest_sha256"]) == ("maskgen", first.manifest_sha256)
    assert set(files(tmp_path / "two")) == set(files(root))


def test_a_preview_counts_what_apply_then_does(fake_dataset, tmp_path):
    root = fake_dataset("300W-LP")
    wanted = recipe(share=0.6, seed=4)
    seen = preview(get_format("300W-LP"), root, wanted)
    summary = apply_recipe(get_format("300W-LP"), root, tmp_path / "out", wanted)
    assert seen.total == summary.total
    assert seen.masked == summary.total - summary.statuses["skipped"]
    drawn = [outcome.draw["style"] for outcome in read_manifest(tmp_path / "out") if outcome.draw]
    assert dict(seen.draws["style"]) == {style: drawn.count(style) for style in set(drawn)}
    assert preview(get_format("300W-LP"), root, wanted, limit=2).total == 2


def test_what_was_drawn_is_enough_to_paint_the_same_picture_again(fake_dataset, tmp_path):
    from maskgen.landmarks import apparent_pose, landmarks_for
    from maskgen.masks.spec import MaskDraw

    fmt, root = get_format("BIWI"), fake_dataset("BIWI")
    masked("BIWI", root, tmp_path / "out", wear="loose,under_nose", seed=9)
    painter = Templates()()
    for entry, outcome in zip(fmt.index(root), read_manifest(tmp_path / "out"), strict=True):
        sample, source = fmt.read(root, entry), read_image(root / entry.image)
        painted = painter.paint(
            source.bgr, landmarks_for(sample), apparent_pose(sample), MaskDraw(**outcome.draw)
        )
        again = encode_like(source, painted.image)
        assert sha256_bytes(again) == outcome.files[outcome.output]
        assert (decode_image(again).bgr == painted.image).all()


def test_templates_are_part_of_a_recipes_identity(tmp_path):
    catalogue = Templates().catalogue()
    wanted = recipe(styles="surgical")
    before = template_hashes(wanted, catalogue)
    assert set(before["style_sha256"]) == {"surgical"}
    source = Path(str(catalogue.style("surgical").folder))
    copy = tmp_path / "mine" / "surgical"
    copy.mkdir(parents=True)
    for file in source.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    same = template_hashes(wanted, Templates((str(tmp_path / "mine"),)).catalogue())
    assert same == before
    (copy / "mask.toml").write_text((copy / "mask.toml").read_text() + "\n# changed\n")
    changed = template_hashes(wanted, Templates((str(tmp_path / "mine"),)).catalogue())
    assert changed != before


def test_options_refuse_what_they_do_not_know(fake_dataset, tmp_path):
    from maskgen.errors import UsageError

    with pytest.raises(UsageError, match="leave, copy"):
        ApplyOptions(on_fail="skip")
    with pytest.raises(UsageError, match="unknown landmark source"):
        masked("BIWI", fake_dataset("BIWI"), tmp_path / "out", replace(ApplyOptions(), landmarks="guess"))
    assert not (tmp_path / "out").exists()


def test_spliced_jpegs_differ_from_their_source_only_round_the_mask(fake_dataset, tmp_path):
    pytest.importorskip("jpeglib")
    root, out = fake_dataset("AFLW2000"), tmp_path / "out"
    options = ApplyOptions(jpeg="splice", control=tmp_path / "clean")
    masked("AFLW2000", root, out, options, save="touched")
    for entry in get_format("AFLW2000").index(root):
        before, after = read_image(root / entry.image).bgr, read_image(out / entry.image).bgr
        touched = read_image(out / RECORDS / "touched" / entry.image.with_suffix(".png")).bgr[..., 0] > 0
        # a block of 16 and the neighbours that chroma is smoothed into
        ring = cv2.dilate(touched.astype(np.uint8), np.ones((49, 49), np.uint8)) > 0
        assert touched.any()
        np.testing.assert_array_equal(after[~ring], before[~ring])
        assert (tmp_path / "clean" / entry.image).read_bytes() == (root / entry.image).read_bytes()
