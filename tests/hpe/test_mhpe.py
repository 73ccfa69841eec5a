"""MHPE: distances, terms of the loss, references from the batch and from outside, the inference graph."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maskgen.errors import UsageError
from maskgen.hpe.contract import References, count_parameters, make_targets, prepare
from maskgen.hpe.models.mhpe import vector_terms
from maskgen.hpe.references.distance import all_distances, pair_distance, triple_vector, with_noise
from maskgen.hpe.registry import create_model, model_class
from maskgen.hpe.rotations import euler_to_matrix, geodesic, geodesic_deg
from tests.hpe.toy_heads import batch_of_heads

TINY = {**model_class("mhpe").tiny, "size": 32}


def random_rotations(n: int, seed: int = 0) -> torch.Tensor:
    return euler_to_matrix((torch.rand(n, 3, generator=torch.Generator().manual_seed(seed)) - 0.5) * 160)


def test_default_network_has_its_documented_size():
    model = create_model("mhpe")
    assert count_parameters(model) == 1_129_587
    assert 1.0e6 < count_parameters(model.encoder) < 1.15e6
    assert model.input_spec.size == 112


def test_triple_vectors_have_columns_of_length_one():
    z = triple_vector(torch.randn(5, 96))
    assert z.shape == (5, 32, 3)
    torch.testing.assert_close(z.square().sum(1), torch.ones(5, 3))


def test_distance_between_rotations_is_the_chord_of_their_angle():
    a, b = random_rotations(50), random_rotations(50, 1)
    expected = 2 * 2**0.5 * torch.sin(geodesic(a, b) / 2)
    torch.testing.assert_close(pair_distance(a, b), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(pair_distance(a, b), (a - b).square().sum((1, 2)).sqrt(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(all_distances(a, b).diagonal(), pair_distance(a, b), rtol=1e-4, atol=1e-4)


def test_distance_of_a_vector_to_itself_has_a_finite_gradient():
    z = triple_vector(torch.randn(2, 12)).requires_grad_(True)
    pair_distance(z, z.detach()).sum().backward()
    assert z.grad.isfinite().all()


def test_noise_is_relative_and_bounded():
    d = torch.full((2000,), 2.0)
    noisy = with_noise(d, 0.1)
    assert noisy.min() >= 1.8
    assert noisy.max() <= 2.2
    assert noisy.std() == pytest.approx(0.2 / 3**0.5, rel=0.1)


def test_vector_terms_are_zero_at_the_truth_and_as_written_elsewhere():
    truth = random_rotations(4)
    assert all(t < 1e-10 for t in vector_terms(truth, truth, truth))
    predicted = torch.randn(1, 3, 3, generator=torch.Generator().manual_seed(0))
    z = triple_vector(torch.randn(1, 30))
    vec, vo, fo = vector_terms(predicted, z, truth[:1])
    v = predicted[0].T
    by_hand = (v[0] @ v[1]) ** 2 + (v[1] @ v[2]) ** 2 + (v[0] @ v[2]) ** 2 + ((v.norm(dim=1) - 1) ** 2).sum()
    torch.testing.assert_close(vo, by_hand)
    torch.testing.assert_close(vec, (predicted - truth[:1]).square().sum() / 3)
    torch.testing.assert_close(fo, torch.linalg.matrix_norm(z[0].T @ z[0] - torch.eye(3)) ** 2)


def setup(n: int = 8, **options):
    torch.manual_seed(0)
    model = create_model("mhpe", **TINY, **options)
    images = torch.randn(n, 3, 32, 32)
    return model, images, make_targets(torch.randn(n, 3) * 30)


def with_references(targets, count: int = 6, k: int = 3):
    index = torch.stack([torch.randperm(count)[:k] for _ in range(len(targets["R"]))])
    refs = References(images=torch.randn(count, 3, 32, 32), R=random_rotations(count, 2), index=index)
    return {**targets, "refs": refs}


def test_outside_references_enter_the_distance_term_by_their_index():
    model, images, targets = setup(noise=0.0)
    model.eval()
    targets = with_references(targets)
    out = model(images, targets)
    _, parts = model.loss(out, targets)
    refs = targets["refs"]
    found = torch.stack(
        [pair_distance(out.extras["z"], out.extras["z_ref"][refs["index"][:, i]]) for i in range(3)]
    )
    true = torch.stack([pair_distance(targets["R"], refs["R"][refs["index"][:, i]]) for i in range(3)])
    torch.testing.assert_close(parts["dist"], (found - true).square().mean(), rtol=1e-4, atol=1e-5)


def test_in_batch_references_cost_no_encoding_and_use_the_selector():
    model, images, targets = setup(references="in_batch", selector="random", noise=0.0)
    model.eval()
    seen = []
    model.encoder.register_forward_pre_hook(lambda _, args: seen.append(len(args[0])))
    out = model(images, with_references(targets))
    _, parts = model.loss(out, targets)
    assert seen == [8]
    i, j = (~torch.eye(8, dtype=torch.bool)).nonzero(as_tuple=True)
    z, r = out.extras["z"], targets["R"]
    expected = (pair_distance(z[i], z[j]) - pair_distance(r[i], r[j])).square().mean()
    torch.testing.assert_close(parts["dist"], expected.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"reference_likelihood": True}, {"references": "in_batch"}])
def test_every_parameter_learns_and_the_total_is_the_weighted_sum(options):
    model, images, targets = setup(alpha=1.5, beta=0.2, gamma=0.7, eta=0.03, mu=0.4, **options)
    targets = with_references(targets)
    total, parts = model.loss(model(images, targets), targets)
    weight = {"vec": 1.5, "vo": 0.2, "dist": 0.7, "fo": 0.03, "nll": 0.4}
    expected = sum(weight[name.removesuffix("_ref")] * value for name, value in parts.items())
    torch.testing.assert_close(total.detach(), expected, rtol=1e-5, atol=1e-5)
    assert ("nll_ref" in parts) == bool(options.get("reference_likelihood"))
    total.backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []


def test_a_batch_of_one_without_references_still_trains():
    model, images, targets = setup()
    model.eval()
    loss, parts = model.loss(model(images[:1]), {k: v[:1] for k, v in targets.items()})
    assert parts["dist"] == 0
    loss.backward()


def test_inference_drops_references_and_concentration_without_changing_a_bit():
    model, images, _ = setup()
    model.eval()
    view = model.export_view()
    assert torch.equal(view(images), model(images).R)
    names = {n for n, _ in view.named_parameters()}
    assert not [n for n in names if "scme_ref" in n or "concentration" in n]
    torch.testing.assert_close(torch.linalg.det(view(images)), torch.ones(8))


def test_picker_chooses_training_images_by_yaw_and_tells_of_empty_bins():
    euler = np.random.default_rng(0).uniform(-95, 95, (500, 3))
    model = create_model("mhpe", **{**TINY, "k": 4}, selector="bins", reference_group=1)
    picker = model.reference_picker(euler)
    pool, index = picker([3, 99, 250], np.random.default_rng(0))
    assert index.shape == (3, 4)
    for position, row in zip([3, 99, 250], index, strict=True):
        assert np.abs(euler[pool[row], 0] - euler[position, 0]).max() < 20
    (note,) = model.training_notes(euler)
    assert "bins are empty and left out before normalising; from the training set" in note
    assert create_model("mhpe", **TINY, references="in_batch").reference_picker(euler) is None


def test_overfits_32_heads_below_two_degrees():
    torch.manual_seed(0)
    model = create_model("mhpe", **{**TINY, "widths": [16, 32, 64]})
    pictures, euler, _, _ = batch_of_heads(32, 32)
    images, targets = prepare(pictures, model.input_spec), make_targets(torch.tensor(euler))
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=80)
    for _ in range(80):
        loss, _ = model.loss(model(images, targets), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        error = geodesic_deg(model.eval()(images).R, targets["R"])
    assert error.mean() < 2.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"references": "inbatch"}, "extra, in_batch"),
        ({"selector": "gauss"}, "choose from random"),
        ({"attention": "se"}, "modified, cbam, none"),
        ({"reference_group": 0}, "1 or more"),
        ({"bin_width": 7.0}, "divide 360"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(options, message):
    with pytest.raises(UsageError, match=message):
        create_model("mhpe", **TINY, **options)
