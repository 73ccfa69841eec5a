"""Training: learns, resumes to the bit, survives SIGTERM, notices a dead output, refuses in one sentence."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from maskgen.cli.main import command as maskgen  # noqa: E402
from maskgen.cli.main import run  # noqa: E402
from maskgen.errors import UsageError  # noqa: E402
from maskgen.hpe import checkpoint, config, train  # noqa: E402
from maskgen.hpe.batching import epoch_steps  # noqa: E402
from maskgen.hpe.config import TrainSection  # noqa: E402
from maskgen.hpe.contract import Stage  # noqa: E402
from maskgen.hpe.events import EventLog, crc32c, record  # noqa: E402
from maskgen.hpe.optim import average, fresh_statistics  # noqa: E402
from maskgen.hpe.registry import create_model, model_class  # noqa: E402
from maskgen.hpe.schedule import learning_rate  # noqa: E402
from maskgen.hpe.trainer import Stopped, Trainer, TrainingFailed  # noqa: E402
from maskgen.jobs.manifest import digest  # noqa: E402
from tests.hpe.tiny_sets import write_set  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("sets") / "AFLW2000", 40)


def settings(root: Path, *overrides: str) -> config.Config:
    tree = {
        "name": "t",
        "device": "cpu",
        "model": {"name": "fastpose", "options": {"width": 0.5}},
        "data": {"train": str(root), "cache": str(root.parent / "cache"), "val": 0.2},
        "augment": {"rotate": 0.3, "mask": 0.3},
        "train": {"epochs": 2, "batch": 8, "lr": 2e-3},
        "eval": {"resamples": 200},
    }
    built = config.build(tree)
    for item in overrides:
        key, _, value = item.partition("=")
        built = config.with_overrides(built, {key: config._yaml(value, key)})
    return built


def weights(path: Path) -> dict[str, torch.Tensor]:
    content = checkpoint.load(path)
    return {
        **content["model"]["state"],
        **{f"ema.{k}": v for k, v in (content["ema"] or {}).items()},
        **{f"adam.{i}.{k}": v for i, s in content["optimiser"]["state"].items() for k, v in s.items()},
    }


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    different = [k for k in a if not torch.equal(a[k], b[k])]
    assert not different


class StopAfter:
    """Asks a run to stop after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left == 0


@pytest.mark.parametrize(("steps", "settled"), [(1, 0), (3, 2), (4, 0), (6, 2)])
def test_a_run_stopped_anywhere_and_resumed_equals_one_that_was_not(
    root, tmp_path, monkeypatch, steps, settled
) -> None:
    wanted = settings(
        root, "train.ema=0.9", "train.epochs=2", "train.lr=0.003", f"train.bn_batches={settled}"
    )
    train.run(wanted, tmp_path / "whole", report=lambda s: None)
    real = train.Trainer
    monkeypatch.setattr(train, "Trainer", lambda *a, **k: real(*a, **{**k, "stop": StopAfter(steps)}))
    with pytest.raises(Stopped, match="the state is saved"):
        train.run(wanted, tmp_path / "cut", report=lambda s: None)
    monkeypatch.setattr(train, "Trainer", real)
    train.run(wanted, tmp_path / "cut", resume=True, report=lambda s: None)
    assert_same(weights(tmp_path / "whole/last.pt"), weights(tmp_path / "cut/last.pt"))
    a, b = (checkpoint.load(tmp_path / d / "last.pt")["history"] for d in ("whole", "cut"))
    assert [r["val_mean"] for r in a] == [r["val_mean"] for r in b]
    assert [r["loss"] for r in a] == pytest.approx([r["loss"] for r in b], rel=1e-12)


def test_clean_and_masked_twins_are_both_validated_on(root, tmp_path) -> None:
    masked = write_set(tmp_path / "AFLW2000_masked", 40, masked=True)
    wanted = settings(root, f"data.train={root} + {masked}", "train.epochs=1", "data.val=0.3")
    content = train.run(wanted, tmp_path / "run", report=lambda s: None)
    held = content["train"]["val"]["sources"]
    assert held[0]["n"] == held[1]["n"] > 0
    assert content["train"]["history"][-1]["val_mean"] > 0.0


def test_the_same_seed_gives_the_same_weights_and_another_does_not(root, tmp_path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train.run(settings(root, f"seed={seed}", "train.epochs=1"), tmp_path / name, report=lambda s: None)
    a, b, c = (weights(tmp_path / n / "last.pt") for n in "abc")
    assert_same(a, b)
    assert any(not torch.equal(a[k], c[k]) for k in a)


def test_sigterm_saves_the_state_and_the_run_goes_on(root, tmp_path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(config.to_yaml(settings(root, "train.epochs=400")))
    command = [sys.executable, "-m", "maskgen", "train", str(path), "--out", str(tmp_path / "run")]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 2/"):
                break
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(timeout=60) == 143
    finally:
        process.kill()
    assert "go on with --resume" in rest
    assert "Traceback" not in rest
    state = checkpoint.load(tmp_path / "run" / "last.pt")
    assert state["progress"]["total"] >= 6


def test_a_network_learns_the_drawn_heads(root, tmp_path) -> None:
    still = ("augment.rotate=0", "augment.mask=0", "augment.shift=0", "data.val=0")
    learnt = settings(root, "train.epochs=45", *still)
    content = train.run(learnt, tmp_path / "run", report=lambda s: None)
    history = content["train"]["history"]
    assert history[-1]["loss"] < 0.4 * history[0]["loss"]
    assert history[-1]["collapsed"] == ""


def test_a_dead_output_is_reported_and_not_averaged_away(root, tmp_path) -> None:
    cls = model_class("fastpose")

    class DeadRoll(cls):
        def forward(self, images, targets=None):
            out = super().forward(images, targets)
            euler = out.euler * out.euler.new_tensor([1.0, 1.0, 0.0])
            return type(out).from_euler(euler)

        def loss(self, output, targets):
            loss = (output.euler - targets["euler"]).abs().mean()
            return loss, {"l1": loss.detach()}

    lines: list[str] = []
    wanted = settings(root, "train.epochs=25", "data.val=0", "augment.rotate=0", "augment.mask=0")
    model = DeadRoll()
    model.options = {}
    samples, _ = train.training_sets(wanted, model)
    trainer = Trainer(wanted, model, samples, None, torch.device("cpu"), report=lines.append)
    trainer.run()
    assert "roll" in trainer.history[-1]["collapsed"]
    assert "yaw" not in trainer.history[-1]["collapsed"]
    assert any("roll" in line and "collapsed" in line for line in lines)


def test_a_loss_that_is_no_number_ends_the_run_with_advice(root) -> None:
    wanted = settings(root, "train.log_every=1", "data.val=0")
    model = train.build_model(wanted)
    samples, _ = train.training_sets(wanted, model)
    with torch.no_grad():
        model.hidden.weight[0, 0] = torch.nan
    trainer = Trainer(wanted, model, samples, None, torch.device("cpu"))
    said = r"gradient became nan in train epoch 1, step 1: lower train\.lr"
    with pytest.raises(TrainingFailed, match=said):
        trainer.run()


@pytest.mark.parametrize("name", ["siamese_rank", "glpose", "mhpe", "retinapose_mnet025", "hopenet"])
def test_every_kind_of_batch_and_every_stage_is_driven(root, tmp_path, name: str) -> None:
    tiny = dict(model_class(name).tiny)
    if name == "siamese_rank":
        tiny.update(rank_epochs=1, regress_epochs=1)
    tree = settings(root, "train.epochs=1", "train.batch=8", "train.lr=1e-4", "data.val=0.2").as_dict()
    tree["model"] = {"name": name, "options": tiny}
    tree["data"]["test"] = {"AFLW2000": str(root)}
    content = train.run(config.build(tree), tmp_path / "run", report=lambda s: None)
    history = content["train"]["history"]
    assert len(history) == (2 if name == "siamese_rank" else 1)
    assert all(np.isfinite(row["loss"]) for row in history)
    assert content["tests"]["AFLW2000"]["scores"]["n_images"] == 40


def test_results_logs_and_tables_are_written(root, tmp_path) -> None:
    wanted = settings(root, f"data.test={{clean: '{root}'}}")
    train.run(wanted, tmp_path / "run", report=lambda s: None)
    out = tmp_path / "run"
    assert {"config.yaml", "last.pt", "log.csv", "results.json", "tables.md"} <= {
        p.name for p in out.iterdir()
    }
    assert (out / "log.csv").read_text().splitlines()[0].startswith("stage,epoch,step,lr")
    assert "clean, always zero" in (out / "tables.md").read_text()
    assert config.load(out / "config.yaml") == wanted
    assert len(list(out.glob("epoch_*.pt"))) == 2


def test_a_run_folder_is_not_overwritten_and_settings_do_not_change_on_resume(root, tmp_path) -> None:
    wanted = settings(root, "train.epochs=1")
    train.run(wanted, tmp_path / "run", report=lambda s: None)
    with pytest.raises(UsageError, match="already holds a run"):
        train.run(wanted, tmp_path / "run", report=lambda s: None)
    with pytest.raises(UsageError, match=r"train\.lr was 0\.002 and is now 0\.5"):
        train.run(settings(root, "train.epochs=1", "train.lr=0.5"), tmp_path / "run", resume=True)


def test_how_often_files_are_written_does_not_make_another_run(root, tmp_path) -> None:
    tests = f"data.test={{clean: '{root}'}}"
    wanted = settings(root, "train.epochs=1", tests)
    seldom = settings(
        root, "train.epochs=1", tests, "train.checkpoint_every=7", "train.keep=5", "train.log_every=3"
    )
    folder = tmp_path / "run"
    train.run(wanted, folder, report=lambda s: None)
    assert train.finished(seldom, folder) == train.finished(wanted, folder)
    train.run(seldom, folder, resume=True, report=lambda s: None)
    with pytest.raises(UsageError, match="other settings"):
        train.finished(settings(root, "train.epochs=2", tests), folder)
    # what earlier versions wrote: a hash of all settings as they are
    earlier = digest(seldom.as_dict())
    content = json.loads((folder / "results.json").read_text())
    assert content["config_sha256"] != earlier
    (folder / "results.json").write_text(json.dumps({**content, "config_sha256": earlier}))
    assert train.finished(seldom, folder) is not None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.name=hopnet", "did you mean hopenet"),
        ("model.options={depth: 9}", "has no option depth"),
        ("data.size=96", "takes 64 px images and has no size option"),
        ("data.crop=tight", "crop policy must be one of"),
        ("data.train=CelebA", "no dataset or folder 'CelebA'"),
        ("data.train=null", "data.train is empty"),
        ("data.protocol=p9", "protocol must be one of p1-aflw2000"),
        ("model.weights=/nowhere.pt", "no file /nowhere.pt"),
        ("device=tpu", "device must be auto, cpu, cuda"),
        ("device=mps", "device must be auto, cpu, cuda"),
        ("data.root=/nowhere", r"no folder /nowhere \(data.root, --root\)"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_sentence(root, tmp_path, override, message) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        train.run(settings(root, override), tmp_path / "run", report=lambda s: None)
    assert "\n" not in str(caught.value)


def test_a_run_is_not_written_among_pictures(root, tmp_path, capsys) -> None:
    before = sorted(root.iterdir())
    assert run(maskgen, ["train", "quick/base", "--set", f"data.train={root}", "--out", str(root)]) == 2
    assert f"{root} holds the pictures of AFLW2000" in capsys.readouterr().err
    assert sorted(root.iterdir()) == before
    nothing_left = ["--set", "data.angle_limit=1e-6", "--out", str(tmp_path / "run"), "-q"]
    cache = ["--set", f"data.cache={tmp_path / 'cache'}"]
    assert run(maskgen, ["train", "quick/base", "--set", f"data.train={root}", *cache, *nothing_left]) == 2
    assert "0 cannot be used, 40 have an |angle| above data.angle_limit" in capsys.readouterr().err


def test_a_test_set_that_is_not_there_is_told_before_the_training(root, tmp_path) -> None:
    with pytest.raises(UsageError, match="no dataset or folder 'CelebA'"):
        train.run(settings(root, "data.test.faces=CelebA"), tmp_path / "run", report=lambda s: None)
    assert not (tmp_path / "run").exists()


def test_a_file_that_is_no_checkpoint_is_refused_in_one_sentence(tmp_path) -> None:
    (tmp_path / "text.pt").write_text("hello")
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    torch.save({"format": "maskgen-checkpoint", "version": 99}, tmp_path / "newer.pt")
    wrong = {"none": "no checkpoint", "text": "cannot be read", "other": "no checkpoint of", "newer": "99"}
    for name, message in wrong.items():
        with pytest.raises(UsageError, match=message) as caught:
            checkpoint.load(tmp_path / f"{name}.pt")
        assert "\n" not in str(caught.value)


def test_code_hidden_in_a_checkpoint_is_not_run(tmp_path) -> None:
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "pwned"),))

    torch.save({"format": "maskgen-checkpoint", "version": 1, "x": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(UsageError, match="cannot be read"):
        checkpoint.load(tmp_path / "evil.pt")
    assert not (tmp_path / "pwned").exists()


def test_weights_of_other_programs_go_in_by_name_and_shape(tmp_path) -> None:
    source, target = create_model("fastpose"), create_model("fastpose")
    state = {f"module.{k}": v for k, v in source.state_dict().items() if "six" not in k}
    torch.save({"state_dict": state}, tmp_path / "w.pt")
    missing = checkpoint.load_weights(target, tmp_path / "w.pt")
    assert set(missing) == {"six.weight", "six.bias"}
    assert torch.equal(target.state_dict()["hidden.weight"], source.state_dict()["hidden.weight"])


def test_schedules_do_what_their_names_say() -> None:
    step = TrainSection(lr=1.0, schedule="step", milestones=[2, 4], gamma=0.1)
    assert [learning_rate(step, e, 6) for e in (0, 1.9, 2, 4)] == pytest.approx([1, 1, 0.1, 0.01])
    cosine = TrainSection(lr=1.0, min_lr=0.2, warmup=1.0)
    assert [learning_rate(cosine, e, 5) for e in (0, 0.5, 1, 3, 5)] == pytest.approx([0, 0.5, 1, 0.6, 0.2])


def test_averaged_weights_are_the_exponential_average() -> None:
    ema, model = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    expected = 0.75 * ema.weight.detach() + 0.25 * model.weight.detach()
    average(ema, model, 0.75)
    torch.testing.assert_close(ema.weight.detach(), expected)


def test_fresh_statistics_are_the_plain_mean_over_batches_and_leave_frozen_layers_alone() -> None:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bn, self.frozen = (torch.nn.BatchNorm1d(3, momentum=0.01) for _ in range(2))

        def train(self, mode: bool = True) -> Net:
            super().train(mode)
            self.frozen.eval()
            return self

    net, batches = Net().eval(), [torch.randn(8, 3) * k + k for k in (1.0, 2.0, 3.0)]
    net.bn(torch.full((8, 3), 100.0))
    with fresh_statistics(net):
        for x in batches:
            net.frozen(net.bn(x))
    torch.testing.assert_close(net.bn.running_mean, torch.stack([x.mean(0) for x in batches]).mean(0))
    torch.testing.assert_close(net.bn.running_var, torch.stack([x.var(0) for x in batches]).mean(0))
    assert torch.equal(net.frozen.running_mean, torch.zeros(3))
    assert (net.bn.momentum, net.training) == (0.01, False)


def test_settled_statistics_are_those_of_the_last_weights(root, tmp_path) -> None:
    plain, settled = settings(root, "train.lr=0.01"), settings(root, "train.lr=0.01", "train.bn_batches=3")
    for name, wanted in (("plain", plain), ("settled", settled)):
        train.run(wanted, tmp_path / name, report=lambda s: None)
    a, b = (checkpoint.load(tmp_path / n / "last.pt")["model"]["state"] for n in ("plain", "settled"))
    moved = {k for k in a if not torch.equal(a[k], b[k])}
    assert moved == {k for k in a if k.rsplit(".", 1)[-1] in ("running_mean", "running_var")} | {
        k for k in a if k.endswith("num_batches_tracked")
    }


def test_processes_share_an_epoch_without_overlap(root) -> None:
    wanted = settings(root)
    model = train.build_model(wanted)
    samples, _ = train.training_sets(wanted, model)
    parts = [epoch_steps(samples, model, wanted, Stage("train"), 3, rank, 2) for rank in (0, 1)]
    assert len(parts[0]) == len(parts[1]) > 0
    seen = np.concatenate([s.samples for p in parts for s in p])
    assert len(set(seen.tolist())) == len(seen)


def test_the_event_file_is_what_tensorboard_reads(tmp_path) -> None:
    assert crc32c(b"123456789") == 0xE3069283
    log = EventLog(tmp_path)
    log.scalars(300, {"loss": 0.5, "val/mean": 2.0})
    log.close()
    data = next(tmp_path.glob("events.out.tfevents.*")).read_bytes()
    events = []
    while data:
        length = int.from_bytes(data[:8], "little")
        body = data[12 : 12 + length]
        assert data[: 16 + length] == record(body)
        events.append(_event().FromString(body))
        data = data[16 + length :]
    assert events[0].file_version == "brain.Event:2"
    assert events[1].step == 300
    assert [(v.tag, v.simple_value) for v in events[1].summary.value] == [("loss", 0.5), ("val/mean", 2.0)]


def _event():
    """The Event message, built by Google's protobuf library from its published field numbers."""
    descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2")
    from google.protobuf import descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="t", syntax="proto3")
    kinds = {"double": 1, "float": 2, "int64": 3, "string": 9, "message": 11}

    def message(name: str, *fields: tuple) -> None:
        m = file.message_type.add(name=name)
        for field, number, kind, repeated, type_name in fields:
            m.field.add(
                name=field,
                number=number,
                type=kinds[kind],
                label=3 if repeated else 1,
                type_name=type_name or None,
            )

    message("Value", ("tag", 1, "string", False, ""), ("simple_value", 2, "float", False, ""))
    message("Summary", ("value", 1, "message", True, ".t.Value"))
    message(
        "Event",
        ("wall_time", 1, "double", False, ""),
        ("step", 2, "int64", False, ""),
        ("file_version", 3, "string", False, ""),
        ("summary", 5, "message", False, ".t.Summary"),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Event"))


@pytest.mark.gpu
def test_the_same_code_trains_on_a_gpu(root, tmp_path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    wanted = settings(root, "device=cuda", "train.epochs=3", f"data.test={{clean: '{root}'}}")
    content = train.run(wanted, tmp_path / "run", report=lambda s: None)
    assert np.isfinite(content["train"]["history"][-1]["loss"])
    assert content["tests"]["clean"]["scores"]["n_failed"] == 0
