"""Every registered network resumes to the bit: also those with pairs, references, stages or whole frames."""

from __future__ import annotations

import pytest
import torch

from maskgen.hpe import checkpoint, config, train
from maskgen.hpe.registry import list_models, model_class
from maskgen.hpe.trainer import Stopped
from tests.hpe.tiny_sets import write_set


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("sets") / "AFLW2000", 24)


def settings(root, name: str) -> config.Config:
    options = dict(model_class(name).tiny)
    if name == "siamese_rank":
        options |= {"rank_epochs": 1, "regress_epochs": 1, "degradation": 0.5}
    tree = {
        "device": "cpu",
        "model": {"name": name, "options": options},
        "data": {"train": str(root), "cache": str(root.parent / "cache"), "val": 0.0},
        "train": {"epochs": 2, "batch": 8, "lr": 1e-3},
    }
    return config.build(tree)


class StopAfter:
    """Asks a run to stop after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left == 0


#: steps before the stop where one place is not enough: inside stage 1 and inside stage 2
STOPS = {"siamese_rank": (2, 4), "mhpe": (4,), "trinet": (4,)}
#: large, or different from another network in one layer
SLOW = (
    "fsanet_agg",
    "fsanet_vlad",
    "fsanet_caps_var",
    "fsanet_caps_wo",
    "fsanet_fusion",
    "hopenet",
    "whenet",
)


def cases():
    for name in list_models():
        marks = [pytest.mark.slow] if name.startswith(SLOW) else []
        for steps in STOPS.get(name, (2,)):
            yield pytest.param(name, steps, marks=marks, id=f"{name}-{steps}")


@pytest.mark.parametrize(("name", "steps"), list(cases()))
def test_a_stopped_and_resumed_run_equals_one_that_was_not(root, tmp_path, monkeypatch, name, steps):
    wanted = settings(root, name)
    train.run(wanted, tmp_path / "whole", report=lambda s: None)
    real = train.Trainer
    monkeypatch.setattr(train, "Trainer", lambda *a, **k: real(*a, **{**k, "stop": StopAfter(steps)}))
    with pytest.raises(Stopped):
        train.run(wanted, tmp_path / "cut", report=lambda s: None)
    monkeypatch.setattr(train, "Trainer", real)
    train.run(wanted, tmp_path / "cut", resume=True, report=lambda s: None)
    a, b = (checkpoint.load(tmp_path / d / "last.pt")["model"]["state"] for d in ("whole", "cut"))
    assert a.keys() == b.keys()
    assert [k for k in a if not torch.equal(a[k], b[k])] == []
