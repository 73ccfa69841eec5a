from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.io import loadmat, savemat

from maskgen.errors import LabelError
from maskgen.io.matfile import new_mat, parse_mat, read_mat, write_mat

TYPES = ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]


def _saved(values: dict, **how) -> bytes:
    stream = io.BytesIO()
    savemat(stream, values, **how)
    return stream.getvalue()


def _error_of(data: bytes) -> str | None:
    try:
        parse_mat(data, "cut.mat")
    except LabelError as error:
        return str(error)
    return None


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(TYPES).flatmap(
        lambda t: hnp.arrays(t, hnp.array_shapes(min_dims=2, max_dims=3, max_side=6))
    ),
    st.booleans(),
)
def test_any_numeric_array_is_read_as_scipy_wrote_it_and_scipy_reads_ours(array, compressed) -> None:
    mat = parse_mat(_saved({"value": array}, do_compression=compressed))
    assert _same(mat.fields["value"], array)
    theirs = loadmat(io.BytesIO(mat.with_fields({"value": array[::-1]}).to_bytes()))
    assert _same(theirs["value"], array[::-1])
    assert _same(loadmat(io.BytesIO(new_mat({"value": array}).to_bytes()))["value"], array)


def test_real_files_are_read_like_scipy_and_written_back_to_the_byte(samples: Path, tmp_path: Path) -> None:
    paths = sorted(samples.glob("AFLW2000/*.mat"))[::50] + sorted(samples.glob("300W_LP/**/*.mat"))
    assert len(paths) > 50
    for path in paths:
        mat = read_mat(path)
        theirs = {k: v for k, v in loadmat(path, mat_dtype=True).items() if not k.startswith("__")}
        assert list(mat.fields) == list(theirs)
        assert all(_same(mat.fields[k], theirs[k]) for k in theirs)
        write_mat(tmp_path / "out.mat", mat)
        assert (tmp_path / "out.mat").read_bytes() == path.read_bytes()


def test_changing_one_variable_leaves_the_bytes_of_all_others(samples: Path) -> None:
    path = sorted(samples.glob("AFLW2000/*.mat"))[0]
    mat = read_mat(path)
    new = mat.with_fields({"Pose_Para": np.arange(7.0)[None]})
    assert new.header == mat.header
    for old, now in zip(mat.elements, new.elements, strict=True):
        assert now.name == old.name
        assert (now.raw == old.raw) == (old.name != "Pose_Para")
    assert loadmat(io.BytesIO(new.to_bytes()))["Pose_Para"].dtype == np.float32


def test_text_structs_and_complex_numbers_are_carried_along_unread() -> None:
    data = _saved({"text": "hello", "struct": {"a": 1.0}, "z": np.array([[1 + 2j]]), "x": np.ones((2, 2))})
    mat = parse_mat(data)
    assert list(mat.fields) == ["x"]
    back = loadmat(io.BytesIO(mat.with_fields({"x": np.zeros((2, 2))}).to_bytes()))
    assert back["text"] == "hello"
    assert back["struct"]["a"].item() == 1.0
    assert back["z"].item() == 1 + 2j


def test_big_endian_files_are_read_and_stay_big_endian(tmp_path: Path) -> None:
    # one int16 variable "a" = [1, 2], as a Sun would write it
    part = b"\0\0\0\x06\0\0\0\x08" + b"\0\0\0\x0a\0\0\0\0" + b"\0\0\0\x05\0\0\0\x08" + b"\0\0\0\x01\0\0\0\x02"
    part += b"\0\x01\0\x01a\0\0\0" + b"\0\x04\0\x03\0\x01\0\x02"
    data = b"MATLAB 5.0".ljust(124) + b"\x01\0MI" + b"\0\0\0\x0e" + len(part).to_bytes(4, "big") + part
    mat = parse_mat(data)
    assert _same(mat.fields["a"], np.array([[1, 2]], np.int16))
    assert mat.with_fields({"a": [[1, 2]]}).to_bytes() == data
    assert loadmat(io.BytesIO(mat.with_fields({"a": [[3, 4]]}).to_bytes()))["a"].tolist() == [[3, 4]]


def test_an_unknown_variable_cannot_be_set() -> None:
    with pytest.raises(KeyError, match="Pose"):
        new_mat({"a": [[1.0]]}).with_fields({"Pose": [[1.0]]})


@pytest.mark.parametrize("share", np.linspace(0, 0.999, 40).tolist())
def test_a_file_cut_anywhere_is_an_error_of_one_line(share: float) -> None:
    data = _saved(
        {"Pose_Para": np.ones((1, 7)), "pt2d": np.random.default_rng(0).normal(size=(2, 68))},
        do_compression=True,
    )
    cut = data[: int(len(data) * share)]
    if len(cut) == 128:
        pytest.skip("a header alone is a valid file without variables")
    message = _error_of(cut)
    if message is None:  # cut exactly between two variables
        assert "pt2d" not in parse_mat(cut).fields
    else:
        assert message.startswith("cut.mat: ")
        assert "\n" not in message


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=8))
def test_damaged_bytes_never_raise_anything_but_a_label_error(at: int, junk: bytes) -> None:
    data = bytearray(_saved({"a": np.arange(6.0).reshape(2, 3), "b": np.ones((1, 3), np.float32)}))
    at %= len(data)
    data[at : at + len(junk)] = junk
    assert "\n" not in (_error_of(bytes(data)) or "")


def test_other_versions_are_named() -> None:
    with pytest.raises(LabelError, match=r"7\.3"):
        parse_mat(b"\x89HDF\r\n\x1a\n" + b"\0" * 600)
    with pytest.raises(LabelError, match="not a MATLAB v5 file"):
        parse_mat(b"x" * 600)
    with pytest.raises(LabelError, match="empty"):
        parse_mat(b"")
