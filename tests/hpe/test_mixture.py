"""Data expressions and frozen lists."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import numpy as np
import pytest

from maskgen.errors import DatasetNotFound, UsageError
from maskgen.hpe import mixture
from maskgen.hpe import selection as splits


def test_weights_stand_on_either_side_and_selections_after_the_name() -> None:
    got = mixture.parse('300W-LP + 0.5*300W-LP_masked+ "my data/x y"*2 + BIWI@biwi-video:train * 0.25')
    assert [(t.dataset, t.weight, t.selection) for t in got] == [
        ("300W-LP", 1.0, None),
        ("300W-LP_masked", 0.5, None),
        ("my data/x y", 2.0, None),
        ("BIWI", 0.25, "biwi-video:train"),
    ]


@pytest.mark.parametrize("text", ["", "A +", "A B", "A*0", "A ** 2", "+A", "A@"])
def test_what_is_no_expression_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        mixture.parse(text)
    assert "\n" not in str(caught.value)


def test_a_name_that_is_no_dataset_is_refused_with_the_known_ones(tmp_path) -> None:
    with pytest.raises(DatasetNotFound, match="300W-LP"):
        mixture.resolve("CelebA", tmp_path)
    with pytest.raises(DatasetNotFound, match=re.escape(f"{tmp_path} (data.root, --root) holds no BIWI")):
        mixture.resolve("BIWI", tmp_path)


def test_a_twin_that_was_not_generated_is_asked_for(tmp_path) -> None:
    with pytest.raises(DatasetNotFound, match="generate it first"):
        mixture.resolve("AFLW2000_masked", tmp_path)


def test_datasets_and_twins_are_found_by_name_in_any_spelling(tmp_path) -> None:
    for name in ("AFLW2000", "AFLW2000_masked"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "image00002.jpg").write_bytes(b"")
    found = mixture.resolve("aflw2000-masked + AFLW2000", tmp_path)
    assert [s.root.name for s in found] == ["AFLW2000_masked", "AFLW2000"]
    assert mixture.resolve(str(tmp_path / "AFLW2000"))[0].format.name == "AFLW2000"


def test_shipped_lists_are_the_frozen_ones() -> None:
    folder = files("maskgen.hpe") / "splits"
    for name, digest in splits.frozen_hashes().items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert set(splits.frozen_hashes()) == {f"{n}.txt" for n in splits.split_names()}


def test_a_changed_list_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "biwi-video.txt").write_text("[train]\ngroup 01\n")
    (tmp_path / "SHA256SUMS").write_text("0" * 64 + "  biwi-video.txt\n")
    monkeypatch.setattr(splits, "_FOLDER", tmp_path)
    with pytest.raises(UsageError, match="was changed"):
        splits.load_selection("biwi-video:train")


def test_biwi_video_takes_16_sequences_to_train_and_the_other_8_to_test() -> None:
    train, test = splits.load_selection("biwi-video:train"), splits.load_selection("biwi-video:test")
    assert (len(train.groups), len(test.groups)) == (16, 8)
    assert train.groups | test.groups == {f"{i:02d}" for i in range(1, 25)}


def test_biwi_random_takes_the_same_frames_whatever_the_folder_is_called() -> None:
    train, test = splits.load_selection("biwi-random:train"), splits.load_selection("biwi-random:test")
    names = [f"{s:02d}/frame_{f:05d}" for s in range(1, 25) for f in range(200)]
    a = np.array([train.holds(f"hpdb/{n}", n[:2]) for n in names])
    b = np.array([train.holds(f"faces_0/{n}", n[:2]) for n in names])
    c = np.array([test.holds(f"hpdb/{n}", n[:2]) for n in names])
    assert (a == b).all()
    assert (a ^ c).all()
    assert a.mean() == pytest.approx(0.7, abs=0.02)


def test_a_users_list_needs_no_headers(tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("# comment\nimage00002  # this one\nimage00004\n")
    mine = splits.load_selection(str(tmp_path / "mine.txt"))
    assert mine.holds("image00002", "")
    assert not mine.holds("image00003", "")
    with pytest.raises(UsageError, match="has the parts all; there is no 'train'"):
        splits.load_selection(str(tmp_path / "mine.txt") + ":train")


def test_the_parts_of_the_aflw2000_list_do_not_overlap() -> None:
    train, test = splits.load_selection("aflw2000-906:train"), splits.load_selection("aflw2000-906:test")
    assert (len(train.ids), len(test.ids), len(train.ids & test.ids)) == (600, 306, 0)
