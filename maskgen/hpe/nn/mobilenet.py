"""MobileNetV1 (Howard et al. 2017) in three stages, with the state-dict names of the RetinaFace release.

torchvision has no MobileNetV1; the released RetinaFace detectors are the weights people hold.
"""

from __future__ import annotations

from torch import Tensor, nn

#: (channels at width 1, stride) of the depthwise-separable blocks of each stage
_STAGES = (
    ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)),
    ((512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1)),
    ((1024, 2), (1024, 1)),
)


class MobileNetV1(nn.Module):
    """``forward`` gives the maps of stages 1..3 at strides 8, 16, 32.

    width: multiplies all channel numbers; leaky: slope of LeakyReLU below zero (as in RetinaFace), 0 = ReLU.
    """

    def __init__(self, width: float = 0.25, leaky: float = 0.1) -> None:
        super().__init__()

        def act() -> nn.Module:
            return nn.LeakyReLU(leaky, inplace=True) if leaky > 0.0 else nn.ReLU(inplace=True)

        def conv_bn(cin: int, cout: int, kernel: int, stride: int, groups: int) -> list[nn.Module]:
            conv = nn.Conv2d(cin, cout, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
            return [conv, nn.BatchNorm2d(cout), act()]

        cin = max(8, round(32 * width))
        stages: list[list[nn.Module]] = [[nn.Sequential(*conv_bn(3, cin, 3, 2, 1))], [], []]
        channels = []
        for blocks, plan in zip(stages, _STAGES, strict=True):
            for wide, stride in plan:
                cout = max(8, round(wide * width))
                separable = [*conv_bn(cin, cin, 3, stride, cin), *conv_bn(cin, cout, 1, 1, 1)]
                blocks.append(nn.Sequential(*separable))
                cin = cout
            channels.append(cin)
        self.stage1, self.stage2, self.stage3 = (nn.Sequential(*blocks) for blocks in stages)
        self.channels = tuple(channels)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> list[Tensor]:
        first = self.stage1(x)
        second = self.stage2(first)
        return [first, second, self.stage3(second)]
