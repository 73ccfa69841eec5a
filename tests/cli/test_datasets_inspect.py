from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from maskgen.cli import main


@pytest.fixture
def run(monkeypatch, tmp_path: Path, capsys):
    """``run(*words)`` -> (exit code, stdout, stderr), from an empty working folder."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.delenv("MASKGEN_DATA", raising=False)

    def call(*words: object) -> tuple[int, str, str]:
        code = main.run(main.command, [str(word) for word in words])
        text = capsys.readouterr()
        return int(code or 0), text.out, text.err

    return call


def test_datasets_lists_what_is_where_and_how_much_of_it_is_labelled(
    run, fake_dataset, monkeypatch, tmp_path
) -> None:
    store = tmp_path / "store"
    for name in ("AFLW2000", "BIWI"):
        shutil.copytree(fake_dataset(name), store / name)
    (store / "BIWI/hpdb/01/frame_00003_pose.txt").unlink()
    monkeypatch.setenv("MASKGEN_DATA", str(store))
    code, out, _ = run("datasets")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert "6 images" in lines["AFLW2000"]
    assert "6 labelled" in lines["AFLW2000"]
    assert "5 images" in lines["BIWI"]
    assert "4 labelled" in lines["BIWI"]
    assert str(store / "BIWI") in lines["BIWI"]
    assert "not found in" in lines["300W-LP"]
    assert "MASKGEN_DATA" not in out
    assert "http" in lines["Where"]
    assert "BIWI" not in lines["Where"]


@pytest.mark.parametrize("name", ["AFLW2000", "BIWI", "300W-LP"])
def test_what_cannot_be_read_as_a_label_is_not_counted_as_one(run, fake_dataset, name) -> None:
    root = fake_dataset(name, private=True)
    rows = json.loads(run("datasets", "--json", "--root", root)[1])
    before = next(row for row in rows if row["dataset"] == name)
    assert before["labels_read"] == before["labelled"]
    ending = "*_pose.txt" if name == "BIWI" else "[aA]*_0.mat" if name == "300W-LP" else "image*.mat"
    broken = sorted(root.rglob(ending))[0]
    for garbage in (b"", b"no label at all", broken.read_bytes()[:-60]):
        broken.write_bytes(garbage)
        _, out, _ = run("datasets", "--root", root)
        line = next(line for line in out.splitlines() if line.startswith(name))
        assert f"{before['labelled'] - 1} labelled" in line
        assert f"of {before['labelled']} labels that were read, 1 cannot be; {broken.name}" in line


def test_labels_of_a_large_set_are_read_here_and_there(run, fake_dataset, monkeypatch) -> None:
    from maskgen.cli import datasets
    from maskgen.datasets.aflw2000 import AFLW2000

    root = fake_dataset("AFLW2000", private=True)
    (root / "image00002.mat").write_bytes(b"x")
    for i in range(100):
        shutil.copy(root / "image00004.jpg", root / f"image5{i:04}.jpg")
        shutil.copy(root / "image00004.mat", root / f"image5{i:04}.mat")
    monkeypatch.setattr(datasets, "_MOST_READ", 8)
    reads = []
    read = AFLW2000.read
    monkeypatch.setattr(AFLW2000, "read", lambda *given: (reads.append(given[2].id), read(*given))[1])
    rows = {r["dataset"]: r for r in json.loads(run("datasets", "--json", "--root", root)[1])}
    row = rows["AFLW2000"]
    assert row["images"] == 106
    assert row["labelled"] == 105  # the first is one of those that are read
    assert 4 < row["labels_read"] <= 8
    assert "image00002" in reads
    assert max(reads) > "image50080"


def test_datasets_says_what_to_do_when_nothing_is_found(run, monkeypatch, tmp_path) -> None:
    code, out, _ = run("datasets")
    assert code == 0
    assert "Set MASKGEN_DATA" in out
    assert "http" in out
    monkeypatch.setenv("MASKGEN_DATA", str(tmp_path / "gone"))
    assert f"MASKGEN_DATA is {tmp_path / 'gone'}, which is no folder" in run("datasets")[1]
    (tmp_path / "odd").mkdir()
    assert "Expected inside" in run("datasets", "--root", tmp_path / "odd")[1]


def test_datasets_refuses_a_folder_that_is_not_there(run, tmp_path) -> None:
    code, out, err = run("datasets", "--root", tmp_path / "nowhere")
    assert (code, out) == (2, "")
    assert "no such folder" in err


def test_a_drawing_in_an_impossible_place_is_one_line_that_names_it(run, fake_dataset, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "look.png"
    code, _, err = run("inspect", "--root", fake_dataset("AFLW2000"), "--out", place)
    assert code == 2
    assert err == f"Error: {place}: Not a directory\n"


def test_datasets_speaks_json(run, fake_dataset) -> None:
    rows = {
        row["dataset"]: row
        for row in json.loads(run("datasets", "--json", "--root", fake_dataset("300W-LP"))[1])
    }
    assert rows["300W-LP"]["images"] == rows["300W-LP"]["labelled"] == 18
    assert rows["BIWI"]["root"] is None


@pytest.mark.parametrize(
    ("name", "wanted", "parts"),
    [
        ("AFLW2000", "image00004", ["label  yaw +35.0  pitch -10.0  roll +8.0", "pt3d_68: 68 of 68"]),
        ("AFLW2000", "image04157.jpg", ["yaw +110.0", "dropped by the |angle| <= 99 protocol"]),
        ("BIWI", "01/frame_00004", ["label  yaw -35.0", "colour camera  yaw -34", "projected: 68 of 68"]),
        ("300W-LP", "AFW_Flip/AFW_134212_1_2", ["yaw +75.0", "group AFW/AFW_134212_1", "pts_3d"]),
    ],
)
def test_inspect_tells_labels_and_landmarks_and_draws_them(
    run, fake_dataset, tmp_path, name, wanted, parts
) -> None:
    out = tmp_path / "look.png"
    code, text, _ = run("inspect", wanted, "--dataset", name, "--root", fake_dataset(name), "--out", out)
    assert code == 0
    for part in parts:
        assert part in text
    drawn = cv2.imread(str(out))
    width, height = (640, 480) if name == "BIWI" else (450, 450)
    assert drawn.shape == (2 * height, 2 * width, 3)


def test_the_drawn_axes_follow_the_signs_of_the_conventions() -> None:
    from maskgen.geometry.pose import HeadPose
    from maskgen.landmarks.overlay import draw_labels

    def tip(pose: HeadPose, colour: str) -> np.ndarray:
        drawn = draw_labels(np.zeros((200, 200, 3), np.uint8), pose=pose, zoom=2).astype(int)
        b, g, r = np.moveaxis(drawn, -1, 0)
        mask = {
            "red": (r > 200) & (b < 50),
            "green": (g > 150) & (r < 50) & (b < 50),
            "blue": (b > 200) & (r < 50),
        }
        ys, xs = np.nonzero(mask[colour])
        away = np.hypot(xs - 200, ys - 200).argmax()
        return np.array([xs[away] - 200, ys[away] - 200])

    level, left = HeadPose.from_euler(0, 0, 0), HeadPose.from_euler(60, 0, 0)
    assert tip(level, "red")[0] > 80
    assert tip(level, "green")[1] > 80
    assert tip(left, "blue")[0] < -60  # yaw > 0 looks to the image left
    assert tip(HeadPose.from_euler(0, 60, 0), "blue")[1] < -60  # pitch > 0 looks up
    assert tip(HeadPose.from_euler(0, 0, 40), "red")[1] > 40  # roll > 0 is clockwise


def test_inspect_shows_a_sample_whose_landmarks_are_refused(run, fake_dataset) -> None:
    from scipy.io import loadmat, savemat

    root = fake_dataset("AFLW2000", private=True)
    fields = {k: v for k, v in loadmat(root / "image00002.mat").items() if not k.startswith("__")}
    fields["pt3d_68"][:] = np.nan
    savemat(root / "image00002.mat", fields)
    code, out, _ = run("inspect", "image00002", "--dataset", "AFLW2000", "--root", root)
    assert code == 0
    assert "no landmarks: image00002: only 0 of 68" in out


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize(
    ("name", "wanted"),
    [("AFLW2000", "image00002"), ("BIWI", "01/frame_00003"), ("300W-LP", "AFW_134212_1_2")],
)
def test_inspect_tells_that_a_picture_is_cut_short(run, fake_dataset, tmp_path, name, wanted, drawn) -> None:
    root = fake_dataset(name, private=True)
    picture = sorted(root.rglob(f"*{wanted.split('/')[-1]}*[gp]"))[0]
    picture.write_bytes(picture.read_bytes()[:-400])
    words = ["--out", tmp_path / "look.png"] if drawn else []
    wanted = picture.relative_to(root).with_suffix("").as_posix()
    code, out, err = run("inspect", wanted, "--dataset", name, "--root", root, *words)
    assert code == 1
    assert "yaw" in out
    assert picture.name in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "look.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "ids look like AFW/AFW_134212_1_0"),
        (["AFW_134212_1_0"], "is the end of 2 ids"),
        (["AFW/AFW_134212_1_0", "--out", "x.jpg"], "name it FILE.png"),
        (["AFW/AFW_134212_1_0", "--landmarks", "magic"], "unknown landmark source"),
    ],
)
def test_mistakes_end_with_exit_code_2_and_one_line(run, fake_dataset, words, message) -> None:
    code, out, err = run("inspect", *words, "--dataset", "300W-LP", "--root", fake_dataset("300W-LP"))
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1


def test_the_help_of_both_has_an_example() -> None:
    from maskgen.cli import datasets, inspect

    for module in (datasets, inspect):
        text = CliRunner().invoke(module.command, ["--help"]).output
        assert f"maskgen {module.command.name}" in text
