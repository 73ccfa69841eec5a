"""The fakes that other tests stand on are themselves valid datasets."""

from __future__ import annotations

import numpy as np
import pytest

from maskgen.datasets import all_formats, recognise
from tests.fakes.fakes import FOLDERS, rotation


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_a_fake_is_recognised_as_its_dataset_and_no_other(fake_dataset, name: str) -> None:
    root = fake_dataset(name)
    assert [f.name for f in all_formats() if f.recognises(root)] == [name]
    assert recognise(root).name == name


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_fakes_of_one_seed_are_equal_to_the_byte(fake_dataset, tmp_path, name: str) -> None:
    from tests.fakes.fakes import write_fake

    first, second = fake_dataset(name), write_fake(name, tmp_path)
    files = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(second) for p in second.rglob("*") if p.is_file())
    for file in files:
        if file.suffix != ".mat":  # scipy writes the time of day into the header
            assert (first / file).read_bytes() == (second / file).read_bytes()


def test_the_rotation_of_the_fakes_is_scipys_and_agrees_with_the_label_rule() -> None:
    np.testing.assert_allclose(rotation(0, 0, 90) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
