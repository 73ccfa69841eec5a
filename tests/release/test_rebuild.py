"""package -> delete -> rebuild gives every byte back, and whatever stands in the way is named."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from maskgen.apply import apply_recipe, template_hashes
from maskgen.apply_one import Templates
from maskgen.cli.main import command, run
from maskgen.datasets import recognise
from maskgen.errors import UsageError
from maskgen.io.files import sha256_file
from maskgen.io.images import decode_image, read_image
from maskgen.jobs.output import RECORDS
from maskgen.recipe import Recipe
from maskgen.release.compare import picture_difference
from maskgen.release.model import Release, open_release, pixel_hash, write_sums
from maskgen.release.package import PackageOptions, package
from maskgen.release.rebuild import RebuildOptions, rebuild, recipe_of, verify
from maskgen.synth.layouts.base import Order
from maskgen.synth.run import generate, get_layout


def causes(comparison) -> dict[str, str]:
    return {d.id: d.cause for d in comparison.differences}


def edit(release: Path, change) -> None:
    """Change release.json as a careful forger would: with its hash."""
    info = json.loads((release / "release.json").read_text())
    change(info)
    (release / "release.json").write_text(json.dumps(info))
    write_sums(release)


def test_every_file_comes_back(every, tmp_path, tree):
    _name, root, masked, release = every
    comparison = rebuild(open_release(release), root, tmp_path / "again")
    assert comparison.ok, comparison.text()
    assert comparison.identical == comparison.total > 2
    assert tree(tmp_path / "again") == tree(masked)
    assert verify(open_release(release), tmp_path / "again", root).ok


def test_the_recipe_survives_its_json(every):
    _name, _root, masked, _release = every
    stored = json.loads((masked / RECORDS / "run.json").read_text())["recipe"]
    recipe = recipe_of(stored)
    again = json.loads(json.dumps(recipe.as_dict()))
    assert again == {key: stored[key] for key in again}


def test_workers_and_an_archive_change_nothing(aflw, tmp_path, tree):
    root, masked, _ = aflw
    package(masked, tmp_path / "rel", PackageOptions(archive="zip", part=2000))
    parts = sorted(p.name for p in (tmp_path / "rel").glob("*.part*"))
    assert len(parts) > 1
    comparison = rebuild(open_release(tmp_path / "rel"), root, tmp_path / "again", RebuildOptions(jobs=2))
    assert comparison.ok, comparison.text()
    assert tree(tmp_path / "again") == tree(masked)


@pytest.mark.parametrize("suffix", [".jpg", ".mat"])
def test_a_changed_source_byte_is_named_and_the_rest_goes_on(damaged, tmp_path, suffix):
    root, _masked, release = damaged
    victim = root / f"image00002{suffix}"
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    comparison = rebuild(open_release(release), root, tmp_path / "again")
    assert causes(comparison) == {"image00002": "source changed"}
    assert victim.name in comparison.differences[0].text
    assert comparison.identical == comparison.total - 1


@pytest.mark.parametrize("suffix", [".jpg", ".mat"])
def test_a_missing_original_is_named(damaged, tmp_path, suffix):
    root, _masked, release = damaged
    (root / f"image00004{suffix}").unlink()
    comparison = rebuild(open_release(release), root, tmp_path / "again")
    assert causes(comparison) == {"image00004": "original missing"}
    assert f"image00004{suffix}" in comparison.differences[0].text


def test_a_changed_seed_is_named_as_other_draws(damaged, tmp_path):
    root, _masked, release = damaged
    edit(release, lambda info: info["recipe"].update(seed=6))
    comparison = rebuild(open_release(release), root, tmp_path / "again")
    assert set(causes(comparison).values()) == {"draw differs"}
    assert comparison.identical == 0
    assert "seed" in comparison.differences[0].text


def test_a_release_that_was_tampered_with_says_so(damaged, tmp_path):
    _root, masked, release = damaged
    with (release / "metadata.csv").open("a") as stream:
        stream.write("x\n")
    comparison = verify(open_release(release), masked)
    assert causes(comparison) == {"release": "release damaged"}
    assert "metadata.csv" in comparison.text()


def test_other_versions_and_templates_are_noted_with_their_numbers(damaged, tmp_path):
    root, _masked, release = damaged

    def older(info):
        info["versions"]["numpy"] = "1.0.0"
        info["recipe"]["style_sha256"]["kn95"] = "0" * 64

    edit(release, older)
    comparison = rebuild(open_release(release), root, tmp_path / "again")
    assert comparison.ok, "bytes are what counts; versions alone are no difference"
    assert any(note.startswith("numpy 1.0.0 there") for note in comparison.notes)
    assert "style kn95 is another template here" in comparison.notes


def test_another_version_is_named_beside_the_picture_that_differs(damaged, tmp_path):
    """As if another OpenCV had encoded one picture: other bytes, the same pixels."""
    root, _masked, release = damaged
    lines = [json.loads(line) for line in (release / "manifest.jsonl").read_text().splitlines()]
    lines[0]["files"][lines[0]["output"]] = "0" * 64
    (release / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    edit(release, lambda info: info["versions"].update({"opencv-python": "4.0.0"}))
    comparison = rebuild(open_release(release), root, tmp_path / "again")
    assert causes(comparison) == {lines[0]["id"]: "codec differs"}
    assert "opencv-python 4.0.0 there" in comparison.differences[0].text
    assert comparison.identical == comparison.total - 1


def test_paint_and_codec_are_told_apart_by_the_pixels(damaged, tmp_path):
    """A PNG that another encoder wrote shows the same pixels; one that shows other pixels does not."""
    release = open_release(damaged[2])
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    known = replace(release.outcomes[0], output="a.png")
    Image.fromarray(pixels).save(tmp_path / "a.png", compress_level=1)
    first = pixel_hash(read_image(tmp_path / "a.png"))
    Image.fromarray(pixels).save(tmp_path / "a.png", compress_level=9)
    assert picture_difference(known, tmp_path, first, "").cause == "codec differs"
    pixels[3, 4, 1] ^= 1
    Image.fromarray(pixels).save(tmp_path / "a.png", compress_level=9)
    found = picture_difference(known, tmp_path, first, " (numpy 1 there, 2 here)")
    assert found.cause == "output differs"
    assert "numpy 1 there, 2 here" in found.text


def test_a_folder_in_place_of_the_json_file_is_told_before_anything_is_rebuilt(aflw, tmp_path, capsys):
    from maskgen.cli.main import command, run

    out, (root, _, release) = tmp_path / "out", aflw
    call = ["rebuild", str(release), "--root", str(root), "--out", str(out), "--json", str(tmp_path)]
    assert run(command, call) == 2
    assert "name a file for --json" in capsys.readouterr().err
    assert not out.exists()


def test_the_pixel_hash_sees_shape_and_every_plane():
    def png(array) -> bytes:
        return cv2.imencode(".png", array)[1].tobytes()

    flat = np.zeros((4, 6, 4), np.uint8)
    other = flat.copy()
    other[0, 0, 3] = 1
    wide = np.zeros((6, 4, 4), np.uint8)
    hashes = {pixel_hash(decode_image(png(a))) for a in (flat, other, wide, flat[..., :3])}
    assert len(hashes) == 4


def test_verify_writes_nothing_and_names_what_is_wrong(damaged, tree):
    _root, masked, release = damaged
    (masked / "image00006.jpg").unlink()
    (masked / "image00002.mat").write_bytes(b"x")
    (masked / "stranger.txt").write_bytes(b"x")
    before = tree(masked)
    comparison = verify(open_release(release), masked)
    assert causes(comparison) == {"image00006": "file missing", "image00002": "file changed"}
    assert any("stranger.txt" in note for note in comparison.notes)
    assert tree(masked) == before


def test_a_changed_shared_file_is_named(every, tmp_path):
    _name, root, _masked, release = every
    shared = json.loads((release / "release.json").read_text())["shared"]
    if not shared:
        pytest.skip("this format has no shared files")
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    with (copy / next(iter(shared))).open("ab") as stream:
        stream.write(b"\n")
    comparison = rebuild(open_release(release), copy, tmp_path / "again")
    assert "shared file" in set(causes(comparison).values())


def test_failed_pictures_stay_left_out(damaged, tmp_path, tree):
    root, masked, release = damaged
    (root / "image00002.jpg").write_bytes(b"no picture")
    shutil.rmtree(masked)
    shutil.rmtree(release)
    catalogue = Templates().catalogue()
    recipe = Recipe().updated({"styles": "surgical"}).resolved(catalogue)
    identity = template_hashes(recipe, catalogue)
    apply_recipe(recognise(root), root, masked, recipe, identity=identity)
    package(masked, release, PackageOptions())
    comparison = rebuild(open_release(release), root, tmp_path / "again")
    assert comparison.ok, comparison.text()
    assert tree(tmp_path / "again") == tree(masked)


def test_names_in_a_manifest_cannot_leave_the_folders(damaged):
    _root, _masked, release = damaged
    path = release / "manifest.jsonl"
    path.write_text(path.read_text().replace("image00006.jpg", "../../escaped.jpg"))
    with pytest.raises(UsageError, match="relative"):
        open_release(release)


def test_a_rotated_dataset_says_how_it_is_remade(aflw):
    release = open_release(aflw[2])
    turned = Release(release.where, {**release.info, "tool": "rotaug"}, release.outcomes)
    with pytest.raises(UsageError, match="run rotaug with the recipe"):
        rebuild(turned, aflw[0], aflw[1])


def test_the_command_ends_with_1_where_anything_differs(damaged, tmp_path, capsys):
    root, _masked, release = damaged
    out = tmp_path / "again"
    assert run(command, ["rebuild", str(release), "--root", str(root), "--out", str(out)]) == 0
    (out / "image00006.jpg").write_bytes((root / "image00006.jpg").read_bytes())
    report = tmp_path / "report.json"
    code = run(command, ["rebuild", str(release), "--out", str(out), "--verify", "--json", str(report)])
    assert code == 1
    assert "image00006" in capsys.readouterr().out
    assert json.loads(report.read_text())["differences"][0]["id"] == "image00006"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere", "--out", "x", "--verify"], "is no release"),
        (["RELEASE"], "--root"),
        (["RELEASE", "--root", "RELEASE", "--out", "x"], "--root must be the folder"),
        (["RELEASE", "--verify"], "--out"),
    ],
)
def test_wrong_calls_are_one_line_with_code_2(aflw, tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    full = [str(aflw[2]) if a == "RELEASE" else a for a in arguments]
    assert run(command, ["rebuild", *full]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_real_samples_come_back(samples, tmp_path, tree):
    """All real pictures of 300W-LP and BIWI at hand, and the first dozen of AFLW2000."""
    for name in ("300W_LP", "BIWI", "AFLW2000"):
        root = samples / name
        if name == "AFLW2000":
            root = tmp_path / "AFLW2000"
            root.mkdir()
            for path in sorted((samples / name).iterdir())[:24]:
                shutil.copyfile(path, root / path.name)
        fmt = recognise(root)
        out, release, again = (tmp_path / f"{name}_{word}" for word in ("masked", "release", "again"))
        catalogue = Templates().catalogue()
        recipe = Recipe().updated({"styles": "surgical"}).resolved(catalogue)
        apply_recipe(fmt, root, out, recipe, identity=template_hashes(recipe, catalogue))
        packed = package(out, release)
        # the card and its like are the same for a dozen pictures and for 100,000
        fixed = sum((release / n).stat().st_size for n in ("README.md", "croissant.json", "release.json"))
        assert packed.size - fixed * (name == "AFLW2000") < 0.1 * packed.image_bytes
        expected = tree(out)
        shutil.rmtree(out)
        assert rebuild(open_release(release), root, again).ok
        assert tree(again) == expected
        assert sha256_file(again / RECORDS / "manifest.jsonl")


def test_help_of_both_commands_is_there():
    for name in ("package", "rebuild"):
        result = CliRunner().invoke(command, [name, "--help"])
        assert result.exit_code == 0
        assert "maskgen " + name in result.output


@pytest.mark.slow
@pytest.mark.parametrize("name", ["300W-LP", "AFLW2000", "BIWI"])
def test_synthetic_heads_come_back_in_every_layout(name, tmp_path, tree):
    root, masked, release = tmp_path / "synth", tmp_path / "masked", tmp_path / "release"
    order = Order(root, 3, 0, "like-original", 0, None, (), False)
    generate(get_layout(name), order, quiet=True)
    catalogue = Templates().catalogue()
    recipe = Recipe().updated({"seed": 9}).resolved(catalogue)
    apply_recipe(recognise(root), root, masked, recipe, identity=template_hashes(recipe, catalogue))
    made = package(masked, release)
    assert made.info["synthetic"]
    expected = tree(masked)
    shutil.rmtree(masked)
    comparison = rebuild(open_release(release), root, masked)
    assert comparison.ok, comparison.text()
    assert tree(masked) == expected
