"""The contract's own parts: preparing images, targets, the registry, plug-ins."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from maskgen.errors import UsageError  # noqa: E402
from maskgen.hpe import registry  # noqa: E402
from maskgen.hpe.bins import FULL_TURN, NARROW  # noqa: E402
from maskgen.hpe.contract import (  # noqa: E402
    HeadPoseModel,
    InputSpec,
    ModelCard,
    Output,
    make_targets,
    prepare,
    require,
)

CARD = ModelCard(title="t", paper="p", year=2000, licence="MIT")


@pytest.fixture
def clean_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.list_models()
    monkeypatch.setattr(registry, "_models", dict(registry._models))


def test_prepare_scales_by_mean_and_std_of_rgb() -> None:
    image = np.zeros((1, 4, 4, 3), np.uint8)
    image[..., 0] = 255
    got = prepare(image, InputSpec(size=4, mean=(0.5, 0.4, 0.3), std=(0.5, 0.2, 0.1)))
    assert got.dtype == torch.float32
    assert torch.allclose(got[0, :, 0, 0], torch.tensor([1.0, -2.0, -3.0]))


def test_prepare_gives_raw_bgr_where_asked_and_takes_both_layouts() -> None:
    image = np.zeros((2, 4, 4, 3), np.uint8)
    image[..., 0], image[..., 1] = 200, 7
    spec = InputSpec(size=4, channels="bgr", mean=None, std=None)
    got = prepare(image, spec)
    assert torch.equal(got[0, :, 0, 0], torch.tensor([0.0, 7.0, 200.0]))
    assert torch.equal(got, prepare(torch.from_numpy(image).permute(0, 3, 1, 2), spec))
    assert got.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4, 3), np.float32), np.zeros((1, 8, 4, 3), np.uint8)],
)
def test_prepare_refuses_other_images_in_one_line(wrong: np.ndarray) -> None:
    with pytest.raises(UsageError) as caught:
        prepare(wrong, InputSpec(size=4))
    assert "\n" not in str(caught.value)


def test_targets_hold_bins_and_rank_levels_of_the_published_edges() -> None:
    euler = torch.tensor([[-99.0, 0.0, 98.9], [99.0, -120.0, 2.99]])
    targets = make_targets(euler)
    edges = np.arange(-99, 102, 3)
    inside = np.digitize(euler.numpy(), edges) - 1
    assert targets["bins"].tolist() == [[0, 33, 65], [-1, -1, 33]]
    assert targets["bins"][0].tolist() == inside[0].tolist()
    assert targets["levels"].tolist() == [[0, 33, 65], [65, 0, 33]]


def test_bin_labels_agree_with_digitize_everywhere() -> None:
    angle = torch.linspace(-98.9, 98.9, 997)
    assert (NARROW.label(angle).numpy() == np.digitize(angle.numpy(), np.arange(-99, 102, 3)) - 1).all()
    around = torch.linspace(-180, 179.9, 997)
    assert (FULL_TURN.label(around).numpy() == np.digitize(around.numpy(), np.arange(-180, 183, 3)) - 1).all()


def test_expectation_of_a_certain_bin_is_its_left_edge() -> None:
    logits = torch.full((66, 66), -1e4)
    logits.fill_diagonal_(1e4)
    assert torch.allclose(NARROW.expectation(logits), torch.arange(66) * 3.0 - 99.0)
    # so that uniform true angles are read half a bin low on average
    truth = torch.linspace(-98.99, 98.99, 2000)
    bias = NARROW.expectation(logits)[NARROW.label(truth)] - truth
    assert bias.mean().item() == pytest.approx(-1.5, abs=0.01)


def test_output_from_matrix_and_from_angles_agree() -> None:
    euler = torch.tensor([[20.0, -30.0, 40.0]])
    one = Output.from_euler(euler)
    two = Output.from_matrix(one.R, extra=1)
    assert torch.allclose(two.euler, euler, atol=1e-4)
    assert two.extras == {"extra": 1}


def test_require_names_missing_labels() -> None:
    with pytest.raises(UsageError, match="landmarks68"):
        require(make_targets(torch.zeros(1, 3)), "R", "landmarks68")


def test_two_networks_of_one_name_are_refused(clean_registry: None) -> None:
    class One(HeadPoseModel):
        card = CARD

    class Two(HeadPoseModel):
        card = CARD

    registry.register("test_twice")(One)
    registry.register("test_twice")(One)
    with pytest.raises(UsageError, match="two networks are named 'test_twice'"):
        registry.register("test_twice")(Two)


def test_a_network_without_card_is_refused(clean_registry: None) -> None:
    class Bare(HeadPoseModel):
        pass

    with pytest.raises(UsageError, match="no card"):
        registry.register("test_bare")(Bare)


def test_unknown_names_and_options_are_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="did you mean hopenet"):
        registry.create_model("hopnet")
    with pytest.raises(UsageError, match=r"no option color.*alpha"):
        registry.create_model("hopenet", color=1)
    with pytest.raises(UsageError, match=r"no backbone is named 'vgg'.*resnet50"):
        registry.create_model("hopenet", trunk="vgg")


def test_created_networks_remember_their_options() -> None:
    options = {"trunk": "resnet18", "size": 64}
    model = registry.create_model("hopenet", **options)
    assert model.options == options
    assert model.input_spec.size == 64
    assert registry.model_class("hopenet").input_spec.size == 224


class _Point:
    """A stand-in for an installed entry point."""

    def __init__(self, name: str, action) -> None:
        self.name, self.value, self.action = name, f"pkg:{name}", action

    def load(self) -> object:
        return self.action()


def test_plug_ins_join_and_broken_ones_are_left_out_with_a_warning(
    clean_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def good() -> type[HeadPoseModel]:
        @registry.register("test_plugin")
        class Plugin(HeadPoseModel):
            card = CARD

        return Plugin

    def bad() -> None:
        raise ImportError("no module named colour")

    points = [_Point("good", good), _Point("bad", bad)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    monkeypatch.setattr(registry, "_discovered", False)
    with pytest.warns(UserWarning, match="bad .*was left out: no module named colour"):
        names = registry.list_models()
    assert "test_plugin" in names
    assert "hopenet" in names


def test_naming_the_package_does_not_import_torch() -> None:
    code = "import maskgen.hpe, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
