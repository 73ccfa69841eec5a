"""Attention blocks against the formulas they stand for."""

from __future__ import annotations

import pytest
import torch

from maskgen.errors import UsageError
from maskgen.hpe.attention import (
    CBAM,
    GLAM,
    ChannelAttention,
    SelfAttention,
    SpatialAttention,
    attention_block,
)


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_channel_attention_scales_channels_alone():
    block = ChannelAttention(32)
    x = torch.rand(2, 32, 5, 7) + 0.1
    scale = block(x) / x
    assert (scale.amax((2, 3)) - scale.amin((2, 3))).max() < 1e-5
    assert count(block) == 2 * 32 * 2
    hidden = torch.relu(x.mean((2, 3)) @ block.mlp[0].weight.T) @ block.mlp[2].weight.T
    peak = torch.relu(x.amax((2, 3)) @ block.mlp[0].weight.T) @ block.mlp[2].weight.T
    torch.testing.assert_close(scale[:, :, 0, 0], torch.sigmoid(hidden + peak))


def test_spatial_attention_scales_positions_alone_and_the_modified_form_adds_three_fields():
    x = torch.rand(2, 6, 9, 9) + 0.1
    modified = SpatialAttention((3, 5, 7))
    scale = modified(x) / x
    assert (scale.amax(1) - scale.amin(1)).max() < 1e-5
    maps = torch.stack([x.mean(1), x.amax(1)], 1)
    expected = torch.sigmoid(sum(conv(maps) for conv in modified.convs))
    torch.testing.assert_close(scale[:, :1], expected)
    assert count(modified) == 2 * (9 + 25 + 49)
    assert count(CBAM(64)) == 2 * 64 * 4 + 2 * 49


def test_self_attention_starts_closed_and_is_softmax_of_scaled_products():
    block = SelfAttention(16)
    x = torch.randn(2, 16, 4, 3)
    assert block(x).abs().max() == 0
    torch.nn.init.ones_(block.gate)
    q, k, v = (layer(x).flatten(2).transpose(1, 2) for layer in (block.query, block.key, block.value))
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).view_as(x)
    torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-5)


def test_global_local_module_is_cbam_at_the_start_and_sees_everywhere_once_open():
    block = GLAM(16)
    x = torch.randn(1, 16, 6, 6)
    torch.testing.assert_close(block(x), block.local(x))
    torch.nn.init.ones_(block.wide.gate)
    moved = x.clone()
    moved[..., 5, 5] += 3.0
    assert (block.wide(moved) - block.wide(x))[..., 0, 0].abs().max() > 1e-4


def test_unknown_attention_is_refused_with_the_kinds_there_are():
    assert isinstance(attention_block("none", 8), torch.nn.Identity)
    with pytest.raises(UsageError, match="modified, cbam, none"):
        attention_block("cbma", 8)
