"""Tables in the documents' forms: what was trained on, brackets, misses, and the command that prints them."""

from __future__ import annotations

import json

import pytest

from maskgen.cli.main import command, run
from maskgen.report.forms import both_sets_table, one_stage_table, selector_table, trained_on


def mae(y: float, p: float, r: float) -> dict[str, float]:
    y, p, r = float(y), float(p), float(r)
    return {"yaw": y, "pitch": p, "roll": r, "mean": (y + p + r) / 3}


def scored(name: str, split: str | None, errors, failed: int = 0):
    scores = {
        "n_images": 200,
        "n_failed": failed,
        "mae": mae(*errors),
        "maev": {"mean": 7.5},
        "mae_zero_filled": mae(*(e + 1 for e in errors)),
        "zero_baseline": mae(30, 20, 10),
        "ranges": {a: [{"range": "[0, 30)", "mae": 4.0, "n": 150}] for a in ("yaw", "pitch", "roll")},
    }
    cep = {"params_m_x_mae": 12.34, "gflops_x_mae": 5.6}
    return {"data": {"sources": [{"name": name, "split": split}]}, "scores": scores, "cep": cep}


def results(train, tests, options=None):
    sources = [{"name": n, "split": s} for n, s in train]
    return {
        "model": {"name": "mhpe", "options": options or {}, "mb": 4.4, "params": 1_100_000},
        "train": {"data": {"sources": sources}},
        "tests": tests,
    }


MODEL1 = results(
    [("BIWI", "biwi-video:train"), ("300W-LP", None)],
    {
        "BIWI": scored("BIWI", "biwi-video:test", (6, 6, 6)),
        "300W-LP": scored("300W-LP", None, (1, 1, 1)),
        "AFLW2000": scored("AFLW2000", None, (20, 30, 25), failed=10),
    },
)
MODEL2 = results(
    [("BIWI", "biwi-video:train")],
    {
        "BIWI": scored("BIWI", "biwi-video:test", (4, 5, 6)),
        "300W-LP": scored("300W-LP", None, (7, 7, 7)),
        "AFLW2000": scored("AFLW2000", None, (21, 30, 27)),
    },
)


def rows(table: str) -> list[list[str]]:
    return [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines()]


def test_training_sets_are_dashes_and_later_models_have_their_change_in_brackets():
    table = rows(one_stage_table([("Model1", MODEL1), ("Model2", MODEL2)]))
    assert table[0] == ["Model", "Dataset", "YAW", "PITCH", "ROLL", "MAE", "found"]
    assert ["Model1", "BIWI", "6.00", "6.00", "6.00", "6.00", "100.0 %"] in table
    assert ["Model1", "300W-LP", "-", "-", "-", "-", "-"] in table
    assert ["Model2", "BIWI", "4.00", "5.00", "6.00", "5.00 (-1.00)", "100.0 %"] in table
    # no change can be told where the first model had trained on the set
    assert ["Model2", "300W-LP", "7.00", "7.00", "7.00", "7.00", "100.0 %"] in table
    assert ["Model2", "AFLW2000", "21.00", "30.00", "27.00", "26.00 (+1.00)", "100.0 %"] in table


def test_misses_are_counted_and_filled_in_a_line_of_their_own():
    table = rows(one_stage_table([("Model1", MODEL1)]))
    assert ["Model1", "AFLW2000", "20.00", "30.00", "25.00", "25.00", "95.0 %"] in table
    assert ["Model1", "AFLW2000, misses as 0", "21.00", "31.00", "26.00", "26.00", "95.0 %"] in table


@pytest.mark.parametrize(
    ("train", "tested", "expected"),
    [
        (("BIWI", "biwi-video:train"), ("BIWI", "biwi-video:test"), False),
        (("BIWI", "biwi-video:train"), ("BIWI", "biwi-video:train"), True),
        (("BIWI", None), ("BIWI", "biwi-video:test"), True),
        (("BIWI", "biwi-video:train"), ("BIWI", None), True),
        (("BIWI_masked", None), ("BIWI", None), False),
    ],
)
def test_a_split_list_keeps_test_pictures_apart(train, tested, expected):
    content = results([train], {"t": scored(*tested, (1, 1, 1))})
    assert trained_on(content, "t") is expected


def test_sets_side_by_side_end_with_the_zero_row():
    table = rows(both_sets_table([("a", MODEL1), ("b", MODEL2)], ["AFLW2000", "BIWI"]))
    assert table[2] == ["a", "20.00", "30.00", "25.00", "25.00", "6.00", "6.00", "6.00", "6.00"]
    assert table[-1] == [
        "always zero",
        "30.00",
        "20.00",
        "10.00",
        "20.00",
        "30.00",
        "20.00",
        "10.00",
        "20.00",
    ]


def test_selector_table_shows_bins_and_sigma_only_where_they_matter():
    def one(**options):
        return results([], {"BIWI": scored("BIWI", None, (3, 3, 3))}, options)

    three = [
        one(selector="random"),
        one(selector="bins", bin_width=40.0),
        one(selector="gaussian", sigma=30.0),
    ]
    table = rows(selector_table([("run", content) for content in three]))
    assert table[2][:4] == ["random", "-", "-", "3.00"]
    assert table[3][:3] == ["bins", "40.00", "-"]
    assert table[4][:3] == ["gaussian", "20.00", "30.00"]
    assert table[4][-2:] == ["12.34", "5.60"]


def test_command_prints_every_form_and_refuses_what_is_no_run(tmp_path, capsys):
    for name, content in (("model1", MODEL1), ("model2", MODEL2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(json.dumps(content))
    both = [str(tmp_path / "model1"), str(tmp_path / "model2" / "results.json")]
    signs = {
        "sets": "always zero",
        "one-stage": "(-1.00)",
        "selectors": "CEP",
        "size": "4.40",
        "range": "4.00 (150)",
    }
    for form, sign in signs.items():
        assert run(command, ["table", *both, "--form", form]) == 0
        assert sign in capsys.readouterr().out
    twin = tmp_path / "other" / "model1"
    twin.mkdir(parents=True)
    (twin / "results.json").write_text(json.dumps(MODEL2))
    assert run(command, ["table", both[0], str(twin)]) == 0
    assert "other/model1" in capsys.readouterr().out
    (tmp_path / "bad").mkdir()
    assert run(command, ["table", str(tmp_path / "bad")]) == 2
    (tmp_path / "bad" / "results.json").write_text("[]")
    assert run(command, ["table", str(tmp_path / "bad")]) == 2
    assert capsys.readouterr().err.count("\n") == 2
