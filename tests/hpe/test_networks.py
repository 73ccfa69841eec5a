"""What the single networks claim beyond the conformance suite, against closed forms and release formats."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from maskgen.errors import UsageError  # noqa: E402
from maskgen.hpe import losses, rotations  # noqa: E402
from maskgen.hpe.bins import FULL_TURN, NARROW  # noqa: E402
from maskgen.hpe.contract import Output, make_targets  # noqa: E402
from maskgen.hpe.importers.torch_release import load_hopenet, load_sixdrepnet  # noqa: E402
from maskgen.hpe.nn import fsa  # noqa: E402
from maskgen.hpe.nn.backbones import build_trunk, load_backbone  # noqa: E402
from maskgen.hpe.nn.repvgg import RepVGG, RepVGGBlock  # noqa: E402
from maskgen.hpe.registry import create_model, model_class  # noqa: E402
from tests.hpe.dot_heads import dot_batch  # noqa: E402


def shake(module: torch.nn.Module) -> None:
    """Weights and statistics of BatchNorm as training might leave them."""
    torch.manual_seed(1)
    for m in module.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(m.weight, 0.5, 1.5)
            torch.nn.init.normal_(m.bias, std=0.2)
            m.running_mean.normal_(0, 0.2)
            m.running_var.uniform_(0.5, 2.0)


# --- soft stage-wise regression


def test_ssr_formula_on_hand_values() -> None:
    head = fsa.SSRHead()
    zero = torch.zeros(1, 3)
    p = torch.zeros(1, 9)
    # yaw: the upper bin of stage 1 at weight 1; pitch: the lower of stage 2; roll: the middle of stage 3
    first, second, third = p.clone(), p.clone(), p.clone()
    first[0, 2], second[0, 3], third[0, 7] = 1.0, 1.0, 1.0
    flat = head.combine([zero] * 3, [zero] * 3, [first, second, third])
    assert torch.allclose(flat, torch.tensor([[99 / 3, -99 / 9, 0.0]]), atol=1e-4)
    # eta = 0.5 moves every bin by half, delta = 0.5 makes the bins 1.5 times as narrow from its stage on
    half = torch.full((1, 3), 0.5).atanh()
    moved = head.combine([half, zero, zero], [half] * 3, [first, second, third])
    expected = [99 * 1.5 / 4.5, 99 * -0.5 / (4.5 * 3), 99 * 0.5 / (4.5 * 9)]
    assert torch.allclose(moved, torch.tensor([expected]), atol=1e-4)


def test_ssr_stays_finite_where_delta_saturates() -> None:
    low = torch.full((1, 3), -30.0, requires_grad=True)
    angle = fsa.SSRHead().combine([low] * 3, [torch.ones(1, 3)] * 3, [torch.ones(1, 9)] * 3)
    angle.sum().backward()
    assert torch.isfinite(angle).all()
    assert torch.isfinite(low.grad).all()


def test_revived_relu_has_the_values_of_relu_and_a_gradient_below_zero() -> None:
    x = torch.linspace(-2, 2, 9, requires_grad=True)
    y = fsa.leaky_gradient_relu(x, 0.1)
    assert torch.equal(y, torch.relu(x))
    y.sum().backward()
    assert torch.allclose(x.grad[:4], torch.full((4,), 0.1))
    assert torch.allclose(x.grad[5:], torch.ones(4))


def test_dead_bin_weights_come_back_only_with_revival() -> None:
    def trained(revive: float) -> float:
        torch.manual_seed(0)
        head = fsa.CapsuleHead(revive=revive)
        for layer in head.p:
            torch.nn.init.constant_(layer.bias, -1.0)
        capsules, target = 0.5 * torch.rand(32, 3, 16), 20 * torch.randn(32, 3)
        optimiser = torch.optim.Adam(head.parameters(), lr=0.02)
        assert head(capsules).abs().max() == 0
        for _ in range(300):
            optimiser.zero_grad()
            losses.angle_l1(head(capsules), target).backward()
            optimiser.step()
        return head(capsules).std(0).min().item()

    assert trained(0.0) == 0.0
    assert trained(0.1) > 2.0


def test_squash_keeps_directions_and_stays_below_length_1() -> None:
    v = torch.randn(20, 16) * torch.logspace(-3, 2, 20)[:, None]
    out = fsa.squash(v)
    assert (out.norm(dim=-1) < 1).all()
    assert torch.cosine_similarity(out, v, dim=-1).min() > 0.999


@pytest.mark.parametrize("name", ["fsanet_caps_wo", "fsanet_caps_1x1", "fsanet_caps_var"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_bin_of_fsanet_starts_dead(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    model = create_model(name).eval()
    images = dot_batch(8, model.input_spec)[0]
    for layer in model.head.p:
        layer.register_forward_hook(lambda module, args, out: weights.append(out > 0))
    weights: list[torch.Tensor] = []
    with torch.no_grad():
        model(images)
    assert torch.stack(weights).any(1).all()


def test_original_fsanet_training_is_an_option() -> None:
    model = create_model("fsanet_caps_1x1", revive=0.0, bias=0.0)
    assert model.head.revive == 0.0
    assert all((layer.bias == 0).all() for layer in model.head.p)


# --- bins


def test_bin_loss_is_cross_entropy_plus_weighted_square() -> None:
    torch.manual_seed(0)
    logits, angle = torch.randn(5, 66), torch.tensor([-98.0, -30.0, 0.0, 45.5, 98.0])
    entropy, squared = losses.bin_loss(logits, angle, NARROW, alpha=2.0)
    assert entropy.item() == pytest.approx(
        torch.nn.functional.cross_entropy(logits, NARROW.label(angle)).item(), rel=1e-5
    )
    expected = (NARROW.expectation(logits) - angle).square().mean() * 2
    assert squared.item() == pytest.approx(expected.item(), rel=1e-5)


def test_images_outside_the_bins_do_not_count_in_hopenet() -> None:
    model = create_model("hopenet", trunk="resnet18", size=64)
    logits = torch.randn(3, 3, 66, generator=torch.Generator().manual_seed(0)).requires_grad_()
    euler = torch.tensor([[10.0, 5.0, -3.0], [20.0, 0.0, 120.0], [99.0, 0.0, 0.0]])
    all_three, _ = model.loss(Output.from_euler(euler, logits=logits), make_targets(euler))
    first, _ = model.loss(Output.from_euler(euler[:1], logits=logits[:1]), make_targets(euler[:1]))
    assert all_three.item() == pytest.approx(first.item(), rel=1e-6)
    none, _ = model.loss(Output.from_euler(euler[2:], logits=logits[2:]), make_targets(euler[2:]))
    assert none.item() == 0.0
    none.backward()
    assert torch.isfinite(logits.grad).all()


def test_wrapped_square_is_the_published_minimum() -> None:
    a, b = torch.tensor([170.0, -10.0, 0.0]), torch.tensor([-170.0, 15.0, 181.0])
    d = (a - b).abs()
    expected = torch.minimum(d.square(), (360 - d).square()).mean()
    assert losses.wrapped_mse(a, b).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("angle", [180.0, -180.0, 179.0, -179.0])
def test_whenet_yaw_behind_the_head_is_near_from_both_sides(angle: float) -> None:
    model = create_model("whenet", width=0.5, size=64)
    logits = torch.full((1, 120), -30.0)
    logits[0, 0] = 30.0
    extras = {"yaw": logits, "pitch": torch.zeros(1, 66), "roll": torch.zeros(1, 66)}
    euler = torch.tensor([[angle, 0.0, 0.0]])
    _, parts = model.loss(Output.from_euler(euler, **extras), make_targets(euler))
    # bin 0 begins at -180: at most one degree from all four
    assert parts["yaw_mse"].item() <= 1.0 + 1e-3
    assert FULL_TURN.expectation(logits).item() == pytest.approx(-180.0, abs=1e-3)
    if angle != 179.0:
        assert parts["yaw_ce"].item() < 1e-3


# --- native forms, trunks and releases


def test_6drepnet_turns_its_native_matrix_into_this_frame() -> None:
    model = create_model("sixdrepnet", **model_class("sixdrepnet").tiny).eval()
    with torch.no_grad():
        output = model(torch.randn(4, 3, 64, 64))
    yaw, pitch, roll = (output.euler * torch.pi / 180).unbind(1)

    def axis(i: int, t: torch.Tensor) -> torch.Tensor:
        v = torch.zeros(len(t), 3)
        v[:, i] = t
        return rotations.so3_exp(v)

    native = axis(2, roll) @ axis(1, yaw) @ axis(0, pitch)
    assert (native - output.extras["native"]).abs().max() < 1e-5


@pytest.mark.parametrize("name", ["repvgg_a0", "repvgg_b1g2"])
def test_fused_repvgg_agrees_with_its_training_form(name: str) -> None:
    trunk: RepVGG = build_trunk(name, width=0.5)
    shake(trunk)
    trunk.eval()
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = trunk(x)
        trunk.fuse()
        after = trunk(x)
    for a, b in zip(before, after, strict=True):
        assert (a - b).abs().max() < 1e-4 * a.abs().max()
    trunk.fuse()


@pytest.mark.parametrize("stride", [1, 2])
def test_the_1x1_branch_is_the_strided_convolution_it_stands_for(stride: int) -> None:
    block = RepVGGBlock(3, 24, stride).eval()
    x = torch.randn(2, 3, 9, 10, generator=torch.Generator().manual_seed(0))
    conv = block.rbr_1x1.conv
    with torch.no_grad():
        strided = torch.nn.functional.conv2d(x, conv.weight, stride=stride)
        assert torch.allclose(conv(x), strided, atol=1e-6)


def test_repvgg_trains_in_channels_last_memory() -> None:
    # torch's own strided 1x1 convolution ends such a process with a corrupted heap, hence one of its own
    code = (
        "import torch; from maskgen.hpe.registry import create_model, model_class;"
        "torch.set_num_threads(1);"
        "m = create_model('sixdrepnet', **model_class('sixdrepnet').tiny);"
        "m = m.to(memory_format=torch.channels_last);"
        "x = torch.randn(16, 3, 64, 64).contiguous(memory_format=torch.channels_last);"
        "[m.train()(x).R.sum().backward() for _ in range(3)]; print('alive')"
    )
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr[-300:]


def test_full_6drepnet_fuses_to_1e_4() -> None:
    model = create_model("sixdrepnet").eval()
    shake(model)
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert (model(x).R - model.export_view()(x)).abs().max() < 1e-4


def test_pretrained_hopenet_keeps_stem_and_statistics(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = build_trunk("resnet18")
    shake(source)
    weights = OrderedDict(source.state_dict())
    weights["fc.weight"], weights["fc.bias"] = torch.zeros(1000, 512), torch.zeros(1000)
    torch.save(weights, tmp_path / "resnet18.pth")
    model = create_model("hopenet", trunk="resnet18", size=64, weights=str(tmp_path / "resnet18.pth"))
    model.train()
    mean = model.trunk.bn1.running_mean.clone()
    model(torch.randn(4, 3, 64, 64))
    assert torch.equal(mean, model.trunk.bn1.running_mean)
    assert torch.equal(mean, source.bn1.running_mean)
    assert not any(p.requires_grad for p in [*model.trunk.conv1.parameters(), *model.trunk.bn1.parameters()])
    assert not create_model("hopenet", trunk="resnet18", size=64).frozen


def test_wrong_backbone_weights_get_one_sentence(tmp_path: Path) -> None:
    trunk = build_trunk("resnet18")
    torch.save(build_trunk("resnet34").state_dict(), tmp_path / "r34.pth")
    (tmp_path / "text.pth").write_text("hello")
    torch.save([1, 2], tmp_path / "list.pth")
    for name, says in (
        ("r34.pth", "has the unknown layer1.2"),
        ("text.pth", "not a readable"),
        ("list.pth", "no state dict"),
        ("none.pth", "no weight file"),
    ):
        with pytest.raises(UsageError, match=says) as caught:
            load_backbone(trunk, tmp_path / name)
        assert "\n" not in str(caught.value)


def test_weight_files_cannot_run_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (print, ("ran",))

    torch.save({"conv1.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(UsageError, match="not a readable"):
        load_backbone(build_trunk("resnet18"), tmp_path / "evil.pth")


def test_released_hopenet_checkpoint_loads_with_its_unused_layer(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = create_model("hopenet", trunk="resnet18")
    shake(model)
    released = {k.removeprefix("trunk."): v for k, v in model.state_dict().items()}
    released["fc_finetune.weight"], released["fc_finetune.bias"] = torch.zeros(3, 515), torch.zeros(3)
    torch.save(released, tmp_path / "hopenet.pkl")
    x = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(load_hopenet(tmp_path / "hopenet.pkl", "resnet18")(x).R, model.eval()(x).R)


@pytest.mark.parametrize("fused", [False, True])
def test_released_6drepnet_checkpoint_loads_in_both_forms(fused: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = create_model("sixdrepnet").eval()
    shake(model)
    if fused:
        model.trunk.fuse()
    released = {k.replace("trunk.stage", "layer"): v for k, v in model.state_dict().items()}
    torch.save({"model_state_dict": released}, tmp_path / "6d.pth")
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(load_sixdrepnet(tmp_path / "6d.pth")(x).R, model(x).R)


# --- names of published weights


@pytest.mark.parametrize(
    ("name", "entries", "some"),
    [
        ("resnet18", 122 - 2, ["conv1.weight", "layer2.0.downsample.1.running_var", "layer4.1.bn2.bias"]),
        ("resnet34", 218 - 2, ["layer3.5.conv2.weight"]),
        (
            "resnet50",
            320 - 2,
            ["layer1.0.downsample.0.weight", "layer3.5.conv3.weight", "layer4.2.bn3.weight"],
        ),
        (
            "efficientnet_b0",
            360 - 2,
            [
                "features.0.0.weight",
                "features.1.0.block.1.fc1.weight",
                "features.2.0.block.2.fc2.bias",
                "features.6.3.block.3.1.running_mean",
                "features.8.1.weight",
            ],
        ),
        ("repvgg_b1g2", None, ["stage0.rbr_dense.conv.weight", "stage3.15.rbr_identity.running_mean"]),
        ("mobilenet_v1", None, ["stage1.0.0.weight", "stage1.5.3.weight", "stage3.1.4.running_var"]),
    ],
)
def test_backbone_weights_have_the_published_names(name: str, entries: int | None, some: list[str]) -> None:
    with torch.device("meta"):
        state = build_trunk(name).state_dict()
    assert set(some) <= set(state)
    if entries is not None:
        assert len(state) == entries


def test_strides_of_backbones_are_where_published_weights_expect_them() -> None:
    assert build_trunk("resnet50").layer2[0].conv2.stride == (2, 2)
    assert build_trunk("resnet50").layer2[0].conv1.stride == (1, 1)
    blocks = [m for m in build_trunk("repvgg_b1g2").modules() if type(m).__name__ == "RepVGGBlock"]
    assert [b.rbr_dense.conv.groups for b in blocks] == [1, *[2 if i % 2 == 0 else 1 for i in range(1, 28)]]
