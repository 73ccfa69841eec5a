"""Anchors, box coding, matching, suppression, pyramid and loss of the detector."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maskgen.hpe.detection.anchors import (
    decode_boxes,
    decode_points,
    encode_boxes,
    encode_points,
    make_anchors,
    to_corners,
)
from maskgen.hpe.detection.layers import FPN, SSH, AnchorHead
from maskgen.hpe.detection.loss import hardest_negatives, multitask_loss
from maskgen.hpe.detection.matching import iou, match, nms
from maskgen.hpe.rotations import euler_to_matrix, six_d_to_matrix


def some_boxes(n: int, seed: int = 0) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    low = torch.rand(n, 2, generator=g) * 0.6
    return torch.cat([low, low + 0.05 + torch.rand(n, 2, generator=g) * 0.35], dim=1)


def test_a_frame_of_640_has_16800_anchors_in_place():
    anchors = make_anchors(640)
    assert anchors.shape == (16_800, 4)
    torch.testing.assert_close(anchors[0], torch.tensor([4.0, 4.0, 16.0, 16.0]) / 640)
    torch.testing.assert_close(anchors[1], torch.tensor([4.0, 4.0, 32.0, 32.0]) / 640)
    torch.testing.assert_close(anchors[2], torch.tensor([12.0, 4.0, 16.0, 16.0]) / 640)
    torch.testing.assert_close(anchors[12_800], torch.tensor([8.0, 8.0, 64.0, 64.0]) / 640)
    torch.testing.assert_close(anchors[-1], torch.tensor([624.0, 624.0, 512.0, 512.0]) / 640)


def test_boxes_and_points_come_back_from_their_codes():
    anchors = make_anchors(128)[torch.randperm(672)[:200]]
    boxes, points = some_boxes(200), torch.rand(200, 5, 2)
    torch.testing.assert_close(
        decode_boxes(encode_boxes(boxes, anchors), anchors), boxes, rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        decode_points(encode_points(points, anchors), anchors), points, rtol=1e-4, atol=1e-5
    )


def test_codes_are_the_documented_ones():
    anchor = torch.tensor([[0.5, 0.5, 0.2, 0.4]])
    box = torch.tensor([[0.5, 0.5, 0.7, 0.7]])
    expected = torch.tensor([[0.1 / 0.02, 0.1 / 0.04, 0.0, np.log(0.5) / 0.2]], dtype=torch.float32)
    torch.testing.assert_close(encode_boxes(box, anchor), expected)
    torch.testing.assert_close(
        encode_points(torch.tensor([[[0.6, 0.4]]]), anchor)[0, 0], torch.tensor([5.0, -2.5])
    )


def test_overlap_agrees_with_counting_pixels():
    a, b = some_boxes(6), some_boxes(6, 1)
    grid = (torch.arange(400) + 0.5) / 400
    y, x = torch.meshgrid(grid, grid, indexing="ij")

    def mask(box: torch.Tensor) -> torch.Tensor:
        return (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])

    for i in range(6):
        for j in range(6):
            counted = (mask(a[i]) & mask(b[j])).sum() / (mask(a[i]) | mask(b[j])).sum()
            assert iou(a, b)[i, j].item() == pytest.approx(counted.item(), abs=0.01)


def test_the_best_anchor_is_responsible_even_below_the_threshold_but_not_for_hopeless_faces():
    anchors = torch.tensor([[0.5, 0.5, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2]])
    exact = to_corners(anchors)[0:1]
    assert match(exact, anchors).tolist() == [[True, False]]
    wide = torch.tensor([[0.5 - 0.27, 0.4, 0.5 + 0.27, 0.6]])
    assert 0.2 < iou(wide, to_corners(anchors)).max() < 0.4
    assert match(wide, anchors, threshold=0.5).tolist() == [[True, False]]
    tiny = torch.tensor([[0.5, 0.5, 0.52, 0.52]])
    assert not match(tiny, anchors).any()
    assert not match(torch.full((1, 4), float("nan")), anchors).any()


def test_suppression_keeps_the_best_of_each_cluster():
    boxes = torch.tensor(
        [[0, 0, 1, 1], [0.05, 0, 1.05, 1], [2, 2, 3, 3], [2, 2.1, 3, 3.1], [5, 5, 6, 6]]
    ).float()
    scores = torch.tensor([0.5, 0.9, 0.8, 0.3, 0.1])
    assert nms(boxes, scores, 0.4).tolist() == [1, 2, 4]
    assert nms(boxes, scores, 0.99).tolist() == [1, 2, 0, 3, 4]
    assert nms(boxes[:0], scores[:0]).tolist() == []


def test_suppression_agrees_with_a_plain_loop():
    boxes, scores = some_boxes(60), torch.rand(60, generator=torch.Generator().manual_seed(3))
    keep: list[int] = []
    for i in scores.argsort(descending=True).tolist():
        if all(iou(boxes[i : i + 1], boxes[k : k + 1]).item() <= 0.4 for k in keep):
            keep.append(i)
    assert nms(boxes, scores, 0.4).tolist() == keep


def test_hard_negatives_are_the_worst_seven_to_one():
    positive = torch.zeros(2, 50, dtype=torch.bool)
    positive[0, 3] = positive[0, 4] = True
    loss = torch.arange(50.0).repeat(2, 1)
    chosen = hardest_negatives(loss, positive)
    assert chosen[0].nonzero()[:, 0].tolist() == list(range(36, 50))
    # a frame without a face teaches what is none, among others as alone
    assert chosen[1].nonzero()[:, 0].tolist() == list(range(43, 50))
    assert hardest_negatives(loss, torch.zeros_like(positive)).sum(1).tolist() == [7, 7]


def test_pyramid_and_context_keep_width_and_grid():
    levels = FPN([8, 16, 32], 16)(
        [torch.randn(2, 8, 16, 16), torch.randn(2, 16, 8, 8), torch.randn(2, 32, 4, 4)]
    )
    assert [tuple(x.shape) for x in levels] == [(2, 16, 16, 16), (2, 16, 8, 8), (2, 16, 4, 4)]
    assert SSH(16)(levels[0]).shape == (2, 16, 16, 16)
    assert SSH(16)(levels[0]).min() >= 0


def test_heads_number_their_outputs_like_the_anchors():
    head = AnchorHead(1, 4)
    with torch.no_grad():
        head.conv1x1.weight.zero_()
        head.conv1x1.weight[4, 0] = 1.0
        head.conv1x1.bias.zero_()
    x = torch.arange(12.0).view(1, 1, 3, 4)
    out = head(x)
    assert out.shape == (1, 24, 4)
    # number 0 of the second anchor of each cell, row by row
    assert out[0, 1::2, 0].tolist() == list(range(12))
    assert out[0, ::2].abs().max() == 0


def perfect_outputs(anchors, box, points, rotation):
    positive = match(box, anchors)
    scores = torch.where(positive[..., None], torch.tensor([-12.0, 12.0]), torch.tensor([12.0, -12.0]))
    boxes = encode_boxes(box[:, None].expand(-1, len(anchors), -1), anchors)
    offsets = encode_points(points[:, None].expand(-1, len(anchors), -1, -1), anchors)
    pose = rotation[..., :2].mT.flatten(1)[:, None].expand(-1, len(anchors), -1)
    return scores, boxes, offsets, pose


def test_loss_is_zero_for_perfect_outputs_and_each_term_sees_its_own_error():
    anchors = make_anchors(128)
    box, points = some_boxes(3), torch.rand(3, 5, 2)
    rotation = euler_to_matrix(torch.randn(3, 3) * 30)
    weight = torch.ones(len(anchors))
    perfect = list(perfect_outputs(anchors, box, points, rotation))

    def terms(outputs, known=points):
        return multitask_loss(*outputs, six_d_to_matrix, anchors, weight, box, known, rotation)

    assert all(value < 1e-3 for value in terms(perfect).values())
    for k, name in enumerate(("cls", "box", "points", "pose")):
        wrong = list(perfect)
        wrong[k] = -perfect[k]
        values = terms(wrong)
        assert values[name] > 0.1
        assert all(v < 1e-3 for other, v in values.items() if other != name)
    unknown = points.clone()
    unknown[:] = float("nan")
    wrong = list(perfect)
    wrong[2] = perfect[2] + 5.0
    assert terms(wrong, unknown)["points"] == 0.0


def test_level_weights_multiply_the_terms():
    anchors = make_anchors(128)
    box, points, rotation = some_boxes(2), torch.rand(2, 5, 2), euler_to_matrix(torch.randn(2, 3) * 30)
    outputs = [torch.randn_like(x) for x in perfect_outputs(anchors, box, points, rotation)]

    def total(w: float) -> float:
        weight = torch.full((len(anchors),), w)
        return float(
            sum(multitask_loss(*outputs, six_d_to_matrix, anchors, weight, box, points, rotation).values())
        )

    assert total(2.0) == pytest.approx(2 * total(1.0), rel=1e-4)
