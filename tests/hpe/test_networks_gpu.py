"""Every network takes the same step on a GPU as on the CPU, in float32 and under bf16 autocast."""

from __future__ import annotations

import copy

import pytest
import torch

from maskgen.hpe.registry import create_model, list_models, model_class
from tests.hpe.dot_heads import dot_batch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def moved(value, device):
    if isinstance(value, torch.Tensor):
        return value.to(device)
    return {k: moved(v, device) for k, v in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("name", list_models())
def test_loss_and_gradients_agree_with_the_cpu(name):
    torch.manual_seed(0)
    model = create_model(name, **{**model_class(name).tiny, **({"noise": 0.0} if name == "mhpe" else {})})
    kind = model.batch_spec
    images, targets = dot_batch(
        6, model.input_spec, 0, detection=kind == "detection", references=6 if kind == "refs" else 0
    )
    model.enter_stage(model.stages({})[-1])
    model.eval()
    other = copy.deepcopy(model).cuda()
    results = []
    for net, device in ((model, "cpu"), (other, "cuda")):
        x, t = images.to(device), moved(dict(targets), device)
        loss, _ = net.loss(net(x, t), t)
        loss.backward()
        norm = torch.cat([p.grad.flatten().cpu() for p in net.parameters() if p.grad is not None]).norm()
        results.append((loss.item(), norm.item()))
    assert results[1] == pytest.approx(results[0], rel=2e-2)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        x, t = images.cuda(), moved(dict(targets), "cuda")
        loss, _ = other.loss(other(x, t), t)
    assert loss.item() == pytest.approx(results[0][0], rel=0.2, abs=0.05)
