"""What a user may get wrong around networks: one sentence, exit code 2, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from maskgen.cli.main import command as maskgen  # noqa: E402
from maskgen.cli.main import run  # noqa: E402
from maskgen.errors import UsageError  # noqa: E402
from maskgen.hpe import checkpoint  # noqa: E402
from maskgen.hpe.registry import accepted_options, create_model, list_models, model_class  # noqa: E402
from maskgen.hpe.typed import options_for  # noqa: E402


@pytest.fixture(scope="module")
def content() -> dict:
    """A checkpoint's content."""
    return {"model": checkpoint.model_record(create_model("fastpose", width=0.25)), "ema": None}


def edited(content: dict, changes: dict) -> dict:
    top = {k: v for k, v in changes.items() if k in ("ema", "model")}
    inner = {k: v for k, v in changes.items() if k not in top}
    return {**content, "model": {**content["model"], **inner}, **top}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "text"}, "holds no network"),
        ({"name": 3}, "is damaged"),
        ({"name": "fastpos"}, "did you mean fastpose"),
        ({"options": [1]}, "is damaged"),
        ({"options": {"widht": 1}}, "has no option widht"),
        ({"options": {"width": "wide"}}, "model.options.width must be a number, got 'wide'"),
        ({"state": 5}, "do not fit fastpose"),
        ({"state": {"x": 1}}, "do not fit fastpose"),
        ({"ema": [1]}, "do not fit fastpose"),
    ],
)
def test_a_damaged_checkpoint_is_one_sentence_and_exit_code_2(
    content, tmp_path, capsys, changes, message
) -> None:
    checkpoint.save(tmp_path / "net.pt", edited(content, changes))
    for arguments in (
        ["eval", str(tmp_path / "net.pt"), "--data", "AFLW2000"],
        ["export", str(tmp_path / "net.pt")],
    ):
        assert run(maskgen, arguments) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.strip().count("\n") == 0


def test_weights_that_are_no_numbers_are_refused(content, tmp_path) -> None:
    state = {
        k: torch.full_like(v, float("nan")) if v.is_floating_point() else v
        for k, v in content["model"]["state"].items()
    }
    checkpoint.save(tmp_path / "net.pt", edited(content, {"state": state}))
    with pytest.raises(UsageError, match="weights that are no numbers"):
        checkpoint.restore_model(checkpoint.load(tmp_path / "net.pt"), tmp_path / "net.pt")


def test_a_cut_file_is_named_as_one(content, tmp_path) -> None:
    checkpoint.save(tmp_path / "net.pt", content)
    whole = (tmp_path / "net.pt").read_bytes()
    for name, data in (("half", whole[: len(whole) // 2]), ("empty", b"")):
        (tmp_path / f"{name}.pt").write_bytes(data)
        with pytest.raises(UsageError, match="cannot be read as a checkpoint") as caught:
            checkpoint.load(tmp_path / f"{name}.pt")
        assert "Error" not in str(caught.value)


def test_weights_to_start_from_must_share_more_than_counters(content, tmp_path) -> None:
    counters = {"features.1.num_batches_tracked": torch.tensor(3)}
    for name, saved in (("counters", counters), ("damaged", edited(content, {"model": "text"}))):
        save = checkpoint.save if name == "damaged" else lambda p, c: torch.save(c, p)
        save(tmp_path / f"{name}.pt", saved)
        with pytest.raises(UsageError, match=r"^model\.weights: ") as caught:
            checkpoint.load_weights(create_model("fastpose", width=0.5), tmp_path / f"{name}.pt")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", list_models())
def test_every_option_of_every_network_refuses_what_it_cannot_be(name: str) -> None:
    cls = model_class(name)
    for option in accepted_options(cls):
        # no option takes a mapping, a list of lists, or a number that is none
        for wrong in ({"a": 1}, float("nan"), [[1]]):
            with pytest.raises(UsageError, match=option) as caught:
                create_model(name, **{**cls.tiny, option: wrong})
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("fastpose", {"width": -1}, "width multiplies the numbers of channels, got -1"),
        ("fastpose", {"dropout": 7}, "fastpose cannot be built"),
        ("glpose", {"attention": "false"}, "model.options.attention must be true or false, got 'false'"),
        ("hopenet", {"trunk": "resnet18", "size": 0}, "at least a pixel wide, got size 0"),
        ("retinapose_mnet025", {"fpn": 0}, "a multiple of 4, got 0"),
        ("mhpe", {"widths": [8, "x"]}, "must be a whole number, got 'x'"),
    ],
)
def test_options_of_the_wrong_kind_or_range_are_refused(name, options, message) -> None:
    with pytest.raises(UsageError) as caught:
        create_model(name, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_become_what_they_are_annotated_as() -> None:
    def build(*, width: float = 1.0, widths: list[int] | None = None, anything=None) -> None:
        """An example."""

    got = options_for(build, {"width": "1e-1", "widths": (1, 2), "anything": {"a": 1}, "unknown": 3}, "o")
    assert got == {"width": 0.1, "widths": [1, 2], "anything": {"a": 1}, "unknown": 3}
    assert create_model("fastpose", width=1).options == {"width": 1.0}


@pytest.mark.parametrize(
    "text", ["{}", "[1]", '{"tests": [1]}', '{"tests": {"a": {}}, "model": {}}', "not json"]
)
def test_a_file_that_is_no_results_is_refused_by_table(tmp_path, capsys, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    for form in ("sets", "one-stage", "selectors", "size", "range"):
        assert run(maskgen, ["table", str(tmp_path), "--form", form]) == 2
        assert "is no results file" in capsys.readouterr().err


def test_damaged_results_of_a_finished_run_are_told(tmp_path) -> None:
    from maskgen.hpe import config, train

    assert train.finished(config.build({}), tmp_path) is None
    for text in ("{", "[]", json.dumps({"tests": {}})):
        (tmp_path / "results.json").write_text(text)
        with pytest.raises(UsageError, match="is damaged; remove"):
            train.finished(config.build({}), tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["models", "--json", "--markdown"],
        ["validate", ".", "--jobs", "-3"],
        ["validate", ".", "--min-quality", "7"],
        ["eval", "net.onnx", "--data", "AFLW2000", "--size", "64", "--std", "0,1,1"],
        ["eval", "--predictions", "p.csv", "--data", "AFLW2000", "--root", "/nowhere"],
        ["export", "fastpose", "--out", "."],
    ],
)
def test_wrong_calls_exit_with_2(tmp_path: Path, monkeypatch, capsys, arguments: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.onnx").write_bytes(b"")
    (tmp_path / "p.csv").write_text("id,yaw,pitch,roll\na,1,2,3\n")
    assert run(maskgen, arguments) == 2
    assert capsys.readouterr().err.strip().count("\n") == 0
