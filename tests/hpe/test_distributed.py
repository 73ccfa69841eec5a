"""Several processes (torchrun, gloo): the same training as one process on the batches of all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from maskgen.cli.main import command as maskgen  # noqa: E402
from maskgen.cli.main import run  # noqa: E402
from maskgen.errors import UsageError  # noqa: E402
from maskgen.hpe import checkpoint, config, train  # noqa: E402
from maskgen.hpe.batching import epoch_steps  # noqa: E402
from maskgen.hpe.contract import Stage  # noqa: E402
from maskgen.hpe.distributed import Process  # noqa: E402
from maskgen.hpe.registry import create_model  # noqa: E402
from maskgen.hpe.rows import RowSpec  # noqa: E402
from maskgen.hpe.trainer import Trainer  # noqa: E402
from tests.hpe.tiny_sets import write_set  # noqa: E402

#: every process normalises by its own batch, so equality to the last digits needs a network without BatchNorm
PLAIN = '''
import torch
from torch import nn

from maskgen.cli.main import main
from maskgen.hpe.contract import HeadPoseModel, InputSpec, ModelCard, Output
from maskgen.hpe.losses import geodesic_loss
from maskgen.hpe.registry import register
from maskgen.hpe.rotations import six_d_to_matrix


@register("plain")
class Plain(HeadPoseModel):
    """Two convolutions and a linear layer."""

    card = ModelCard(title="plain", paper="none", year=2026, licence="MIT")
    input_spec = InputSpec(size=32, crop="fsanet")

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(16 * 64, 6),
        )

    def forward(self, images, targets=None):
        self.check_images(images)
        return Output.from_matrix(six_d_to_matrix(self.trunk(images)))

    def loss(self, output, targets):
        loss = geodesic_loss(output.R, targets["R"])
        return loss, {"geodesic": loss.detach()}


main()
'''

#: one process and two draw different changes of a picture; none are drawn
STILL = {
    "policy_jitter": False, "flip": 0.0, "rotate": 0.0, "zoom": [1.0, 1.0], "shift": 0.0, "color": 0.0,
    "gray": 0.0, "blur": 0.0, "noise": 0.0, "mask": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("sets") / "AFLW2000", 44)


def settings(root: Path, name: str, batch: int, **train_section) -> config.Config:
    section = {"epochs": 3, "batch": batch, "lr": 0.02, "optimiser": "sgd", "warmup": 1, "ema": 0.5}
    return config.build(
        {
            "device": "cpu",
            "model": {"name": name},
            "data": {"train": str(root), "cache": str(root.parent / "cache"), "val": 0.2},
            "augment": STILL,
            "train": {**section, **train_section},
            "eval": {"resamples": 200},
        }
    )


def start(folder: Path, wanted: config.Config, program: list[str], processes: int) -> Path:
    """The run folder of ``maskgen train`` on ``wanted`` in so many processes."""
    folder.mkdir()
    (folder / "c.yaml").write_text(config.to_yaml(wanted))
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += [*program, "train", str(folder / "c.yaml"), "--out", str(folder / "run")]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "run"


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_from_the_batches_of_both(root, tmp_path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    program = [str(tmp_path / "plain.py")]
    one = checkpoint.load(start(tmp_path / "one", settings(root, "plain", 16), program, 1) / "last.pt")
    two = checkpoint.load(start(tmp_path / "two", settings(root, "plain", 8), program, 2) / "last.pt")
    assert one["progress"] == two["progress"]
    for a, b in zip(one["history"], two["history"], strict=True):
        # the norm is that of the averaged gradient, the loss the mean over both shares
        for column in ("loss", "grad_norm", "val_mean"):
            assert b[column] == pytest.approx(a[column], rel=1e-4), column
    assert one["history"][-1]["loss"] < one["history"][0]["loss"]
    moments = [{k: v["momentum_buffer"] for k, v in c["optimiser"]["state"].items()} for c in (one, two)]
    for a, b in ((one["model"]["state"], two["model"]["state"]), (one["ema"], two["ema"]), moments):
        assert a.keys() == b.keys()
        for key, value in a.items():
            torch.testing.assert_close(b[key], value, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_the_checkpoint_of_two_processes_is_evaluated_and_gone_on_with_by_one(root, tmp_path, capsys) -> None:
    wanted = settings(root, "fastpose", 8, optimiser="adam", lr=2e-3)
    folder = start(tmp_path / "two", wanted, ["-m", "maskgen"], 2)
    assert (folder / "results.json").is_file()
    cache = str(root.parent / "cache")
    assert run(maskgen, ["eval", str(folder / "last.pt"), "--data", str(root), "--cache", cache]) == 0
    assert "always zero" in capsys.readouterr().out
    state = checkpoint.load(folder / "last.pt")
    assert len(state["history"]) == 3
    assert run(maskgen, ["train", str(folder / "config.yaml"), "--out", str(folder), "--resume", "-q"]) == 0
    assert checkpoint.load(folder / "last.pt")["history"] == state["history"]


def test_processes_share_the_pictures_of_the_one_run(root) -> None:
    wanted = settings(root, "fastpose", 8)
    model = create_model("fastpose")
    samples = train.load_set(str(root), RowSpec("fsanet", 64), root.parent / "cache")
    shares = [epoch_steps(samples, model, wanted, Stage("train"), 1, rank, 2) for rank in (0, 1)]
    whole = epoch_steps(samples, model, settings(root, "fastpose", 16), Stage("train"), 1)
    assert [len(s) for s in shares] == [len(whole)] * 2 == [2, 2]
    for a, b, both in zip(*shares, whole, strict=True):
        assert [*a.samples, *b.samples] == both.samples.tolist()


def test_a_run_stopped_inside_an_epoch_goes_on_with_as_many_processes(root) -> None:
    wanted = settings(root, "fastpose", 8)
    samples = train.load_set(str(root), RowSpec("fsanet", 64), root.parent / "cache")

    def trainer(world: int) -> Trainer:
        network = create_model("fastpose", width=0.25)
        return Trainer(wanted, network, samples, None, torch.device("cpu"), process=Process(0, world))

    two = trainer(2)
    two.progress.epoch = 1
    trainer(1).restore(two.state())
    two.progress.step = 1
    trainer(2).restore(two.state())
    with pytest.raises(UsageError, match=r"epoch that 2 process\(es\) shared and 1 would"):
        trainer(1).restore(two.state())


def test_synchronised_batchnorm_on_a_cpu_is_refused_in_one_sentence(root, tmp_path) -> None:
    with pytest.raises(UsageError, match=r"train\.sync_bn needs CUDA"):
        train.run(settings(root, "fastpose", 8, sync_bn=True), tmp_path, report=lambda s: None)
