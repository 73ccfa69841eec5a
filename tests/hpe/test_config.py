"""Configuration: extension, overrides, and refusals that name the key and what is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskgen.errors import UsageError
from maskgen.hpe import config


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_a_child_changes_only_what_it_names(tmp_path) -> None:
    write(
        tmp_path, "base.yaml", "train: {epochs: 7, lr: 1e-3}\nmodel: {name: hopenet, options: {alpha: 2.0}}\n"
    )
    child = write(tmp_path, "child.yaml", "extends: base.yaml\ntrain: {lr: 0.01}\n")
    got = config.load(child)
    assert (got.train.epochs, got.train.lr) == (7, 0.01)
    assert got.model.options == {"alpha": 2.0}


def test_options_do_not_follow_to_another_network(tmp_path) -> None:
    write(tmp_path, "base.yaml", "model: {name: hopenet, options: {alpha: 2.0}}\n")
    child = write(tmp_path, "child.yaml", "extends: base.yaml\nmodel: {name: fastpose}\n")
    assert config.load(child).model.options == {}


def test_overrides_reach_any_depth_and_are_read_as_yaml(tmp_path) -> None:
    path = write(tmp_path, "c.yaml", "name: x\n")
    got = config.load(
        path, ["train.lr=3e-4", "augment.zoom=[0.8, 1.2]", "data.test.clean=AFLW2000", "seed=5"]
    )
    assert (got.train.lr, got.augment.zoom, got.seed) == (3e-4, [0.8, 1.2], 5)
    assert got.data.test == {"clean": "AFLW2000"}


def test_the_resolved_copy_gives_the_same_run(tmp_path) -> None:
    path = write(tmp_path, "c.yaml", "train: {epochs: 3, milestones: [1, 2]}\ndata: {val: 0.2}\n")
    first = config.load(path)
    assert config.load(write(tmp_path, "copy.yaml", config.to_yaml(first))) == first


def test_a_whole_number_passes_for_a_float_and_a_fraction_stays_one(tmp_path) -> None:
    got = config.load(write(tmp_path, "c.yaml", "train: {lr: 1, ema: 0}\ndata: {val: 'BIWI@x'}\n"))
    assert (got.train.lr, got.train.ema, got.data.val) == (1.0, 0.0, "BIWI@x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {epoch: 3}", "unknown configuration key train.epoch; did you mean epochs"),
        ("train: {epochs: many}", "train.epochs must be a whole number, got 'many'"),
        ("train: {epochs: 0}", "train.epochs must be at least 1"),
        ("train: {lr: -1}", "train.lr must be above 0"),
        ("seed: -1", "seed must be at least 0"),
        ("train: {optimiser: lion}", "train.optimiser must be one of adam, adamw, sgd, got 'lion'"),
        ("augment: {flip: 1.5}", "augment.flip is a probability"),
        ("augment: {zoom: [2, 1]}", "augment.zoom is two factors"),
        ("train: 5", "train must be a section"),
        ("- a\n- b", "must hold key: value lines"),
        ("train: {lr: [", "is not valid YAML"),
        ("extends: nowhere.yaml", "no configuration 'nowhere.yaml'"),
        ("extends: 5", "extends of .* is a file, a preset's name, or a list of them, got 5"),
        ("train: {lr: .inf}", "train.lr must be a number, got inf"),
        ("train: {momentum: 5}", "train.momentum is a share in 0..1, below 1"),
        ("train: {gamma: -1}", "train.gamma must be above 0"),
        ("train: {warmup: 3, epochs: 2}", "train.warmup 3 is longer than train.epochs 2"),
        ("augment: {color: 5}", "augment.color must be at most 1"),
        ("data: {val: 1.5}", "data.val is a fraction below 1"),
    ],
)
def test_a_wrong_configuration_gives_one_clear_sentence(tmp_path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        config.load(write(tmp_path, "c.yaml", text))
    assert "\n" not in str(caught.value)


def test_a_circle_of_extensions_is_refused(tmp_path) -> None:
    write(tmp_path, "a.yaml", "extends: b.yaml\n")
    with pytest.raises(UsageError, match=r"circle: .*a\.yaml"):
        config.load(write(tmp_path, "b.yaml", "extends: a.yaml\n"))


def test_an_override_without_a_value_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match="written key=value"):
        config.load(write(tmp_path, "c.yaml", "name: x"), ["train.epochs"])


def test_every_preset_is_a_valid_configuration() -> None:
    # comparisons are another kind of file; test_compare.py holds them
    for name in [n for n in config.preset_names() if not n.startswith("compare/")]:
        config.load(name)
