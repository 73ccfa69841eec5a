"""The presets of the networks: each resolves and builds, and holds the recipe it is named after."""

from __future__ import annotations

import pytest
import torch

from maskgen.hpe.config import load, preset_names
from maskgen.hpe.mixture import parse
from maskgen.hpe.registry import create_model

MINE = [
    p for p in preset_names() if p.split("/")[0] in ("seed0", "seed1", "seed3", "seed4", "paper", "small")
]


@pytest.mark.parametrize("name", MINE)
def test_preset_builds_its_network_and_names_readable_data(name):
    config = load(name)
    with torch.device("meta"):
        create_model(config.model.name, **config.model.options)
    assert parse(config.data.train)
    assert all(parse(expression) for expression in config.data.test.values())


def test_names_of_runs_differ():
    names = [load(p).name for p in MINE]
    assert len(set(names)) == len(names)


def test_recipes_are_the_documented_ones():
    glpose = load("seed0/ablation_all").train
    assert (glpose.epochs, glpose.batch, glpose.lr, glpose.milestones, glpose.gamma) == (
        60,
        64,
        1e-4,
        [20, 40],
        0.5,
    )
    assert load("seed0/masked").augment.mask == 0.5
    one_stage = load("seed1/model2")
    assert (one_stage.train.epochs, one_stage.train.batch, one_stage.train.optimiser) == (50, 32, "sgd")
    assert "300W-LP_masked" in one_stage.data.train
    assert "masked" not in load("seed1/model3").data.train
    sweep = [load(f"seed1/lambda_0{k}").model.options["pose_weight"] for k in range(2, 9)]
    assert sweep == [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    mhpe = load("seed3/select_gaussian_30")
    assert (mhpe.train.batch, mhpe.train.lr, mhpe.train.milestones) == (100, 1e-2, [20, 50, 80])
    assert mhpe.model.options == {"selector": "gaussian", "k": 10, "bin_width": 20.0, "sigma": 30.0}
    assert load("seed3/select_uniform").model.options["uniform_order"] == "ordered"
    ranking = load("seed4/range_table")
    model = create_model(ranking.model.name, **{**ranking.model.options, "trunk": "resnet18", "width": 0.1})
    assert [s.epochs for s in model.stages({})] == [10, 25]


def test_ablation_grid_switches_each_part():
    grid = {
        n: load(f"seed0/ablation_{n}").model.options for n in ("none", "glam", "mt", "fi", "glam_mt", "all")
    }
    parts = {
        n: tuple(o.get(k, True) for k in ("attention", "landmarks", "interpolation")) for n, o in grid.items()
    }
    assert parts == {
        "none": (False, False, False),
        "glam": (True, False, False),
        "mt": (False, True, False),
        "fi": (False, False, True),
        "glam_mt": (True, True, False),
        "all": (True, True, True),
    }
