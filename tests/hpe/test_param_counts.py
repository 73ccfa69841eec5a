"""Parameter counts, exact, of the published networks and of the backbones they stand on."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from maskgen.hpe.contract import count_parameters  # noqa: E402
from maskgen.hpe.nn.backbones import TRUNKS, build_trunk  # noqa: E402
from maskgen.hpe.registry import create_model  # noqa: E402

#: name -> parameters, and with the BatchNorm statistics where the released files fix them
NETWORKS = {
    "hopenet": (23_913_734, None),
    "whenet": (4_330_360, None),
    "sixdrepnet": (43_733_376 + 12_294, None),
    "ssrnet_md": (231_763, 233_619),
    "fsanet_caps_1x1": (236_615, 238_471),
    "fsanet_caps_var": (236_550, 238_406),
    "fsanet_caps_wo": (692_707, 694_563),
    "fsanet_agg_1x1": (173_190, 175_046),
    "fsanet_agg_var": (173_125, 174_981),
    "fsanet_agg_wo": (104_483, 106_339),
    "fsanet_vlad_1x1": (181_706, 183_562),
    "fsanet_vlad_var": (181_641, 183_497),
    "fsanet_vlad_wo": (112_486, 114_342),
    "fsanet_fusion": (236_615 + 236_550 + 692_707, 238_471 + 238_406 + 694_563),
}
#: torchvision's totals less their classifiers; RepVGG and MobileNetV1 as published
BACKBONES = {
    "resnet18": 11_689_512 - 513_000,
    "resnet34": 21_797_672 - 513_000,
    "resnet50": 25_557_032 - 2_049_000,
    "efficientnet_b0": 5_288_548 - 1_281_000,
    "mobilenet_v1": 4_231_976 - 1_025_000,
    "repvgg_a0": 9_108_968 - 1_281_000,
    "repvgg_b1g2": 43_733_376,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_network_has_the_published_number_of_parameters(name: str) -> None:
    with torch.device("meta"):
        model = create_model(name)
    parameters, with_statistics = NETWORKS[name]
    assert count_parameters(model) == parameters
    if with_statistics is not None:
        assert count_parameters(model, statistics=True) == with_statistics


@pytest.mark.parametrize("name", BACKBONES)
def test_backbone_has_the_published_number_of_parameters(name: str) -> None:
    with torch.device("meta"):
        trunk = build_trunk(name)
    assert count_parameters(trunk) == BACKBONES[name]


def test_every_backbone_is_counted() -> None:
    assert set(BACKBONES) == set(TRUNKS)


def test_fused_6drepnet_has_the_published_number_of_parameters() -> None:
    view = create_model("sixdrepnet").export_view()
    assert count_parameters(view) == 39_311_104 + 12_294
