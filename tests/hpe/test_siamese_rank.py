"""The ranking network: pairs, equivalence with two branches, stages, and what it learns."""

from __future__ import annotations

import pytest
import torch

from maskgen.errors import UsageError
from maskgen.hpe.contract import count_parameters, make_targets, prepare
from maskgen.hpe.ranking import Ensemble, all_pairs, degrade
from maskgen.hpe.registry import create_model, model_class
from maskgen.hpe.rotations import geodesic_deg
from tests.hpe.toy_heads import batch_of_heads

TINY = dict(model_class("siamese_rank").tiny)


def images_and_targets(n: int, seed: int = 0, spread: float = 40.0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(n, 3, 64, 64, generator=generator)
    euler = (torch.rand(n, 3, generator=generator) * 2 - 1) * spread
    # two images of equal levels, so that both kinds of pair exist
    euler[1] = euler[0]
    return images, make_targets(euler)


def test_parameters_with_three_scalar_heads_are_those_of_the_paper():
    model = create_model("siamese_rank")
    assert count_parameters(model.trunk) + count_parameters(model.heads) == 23_514_179
    assert count_parameters(model.export_view()) == 23_514_179
    assert count_parameters(model.ensemble) == 6


def test_pairs_are_all_different_items_once_or_in_both_orders():
    i, j = all_pairs(5)
    assert len(i) == 10
    assert (i < j).all()
    i, j = all_pairs(5, ordered=True)
    assert len(set(zip(i.tolist(), j.tolist(), strict=True))) == 20
    assert (i != j).all()


@pytest.mark.parametrize("pair_label", ["same", "order"])
def test_pairs_of_one_encoding_give_the_loss_of_two_branches(pair_label):
    n = 6
    images, targets = images_and_targets(n)
    encoded = {}
    losses = {}
    gradients = {}
    for pairing in ("ensemble", "standard"):
        torch.manual_seed(0)
        model = create_model("siamese_rank", **TINY, pairing=pairing, pair_label=pair_label).eval()
        seen = []
        model.trunk.register_forward_pre_hook(lambda _, args, seen=seen: seen.append(len(args[0])))
        loss, _ = model.loss(model(images, targets), targets)
        loss.backward()
        encoded[pairing], losses[pairing] = sum(seen), loss.detach()
        gradients[pairing] = model.trunk.conv1.weight.grad.clone()
    torch.testing.assert_close(losses["ensemble"], losses["standard"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradients["ensemble"], gradients["standard"], rtol=1e-3, atol=1e-5)
    # n^2 - n pairs of two branches against one encoding an image: n - 1 times the passes through each branch
    assert encoded["ensemble"] == n
    assert encoded["standard"] == 2 * n * (n - 1)


def test_same_label_probability_is_a_half_at_the_margin_and_falls_with_distance():
    ensemble = Ensemble("same", balanced=False)
    level = torch.zeros(1, 3, dtype=torch.long)

    def loss(gap: float) -> float:
        return ensemble(torch.full((1, 3), gap), torch.zeros(1, 3), level, level).item() / 3

    assert loss(0.5) == pytest.approx(0.6931, abs=1e-4)
    assert loss(0.0) < loss(0.5) < loss(2.0)


def test_balanced_weights_make_rare_equal_pairs_count_one_half():
    ensemble = Ensemble("same")
    left, right = torch.zeros(100, 3), torch.cat([torch.zeros(2, 3), torch.full((98, 3), 4.0)])
    level_left = torch.zeros(100, 3, dtype=torch.long)
    level_right = torch.cat([torch.zeros(2, 3), torch.full((98, 3), 9)]).long()
    bce = torch.nn.functional.softplus
    beta, m = torch.nn.functional.softplus(ensemble.raw_beta)[0], 0.5
    expected = 0.5 * (bce(-beta * m) + bce(beta * (m - 4.0)))
    assert ensemble(left, right, level_left, level_right).item() == pytest.approx(
        3 * expected.item(), rel=1e-5
    )


def test_order_label_is_ranknet_with_ties_left_out():
    ensemble = Ensemble("order")
    left, right = torch.tensor([[2.0] * 3, [7.0] * 3]), torch.tensor([[0.0] * 3, [-7.0] * 3])
    level_left, level_right = torch.tensor([[4] * 3, [5] * 3]), torch.tensor([[1] * 3, [5] * 3])
    expected = 3 * torch.nn.functional.softplus(torch.tensor(-2.0))
    torch.testing.assert_close(ensemble(left, right, level_left, level_right), expected)
    assert count_parameters(ensemble) == 0


def test_a_batch_without_a_usable_pair_costs_nothing_and_stays_differentiable():
    for label in ("same", "order"):
        model = create_model("siamese_rank", **TINY, pair_label=label)
        images, targets = images_and_targets(2)
        loss, _ = model.loss(model(images[:1], None), {k: v[:1] for k, v in targets.items()})
        assert loss.item() == 0.0
        loss.backward()


def test_scores_start_regression_at_the_centres_of_their_levels():
    model = create_model("siamese_rank", **TINY).eval()
    out = model(torch.randn(2, 3, 64, 64))
    torch.testing.assert_close(out.euler, 3.0 * out.extras["scores"] - 99.0 + 1.5)
    # an untrained head looks straight ahead
    assert out.euler.abs().max() < 8.0


def test_second_stage_regresses_and_leaves_the_ensemble_alone():
    model = create_model("siamese_rank", **TINY)
    images, targets = images_and_targets(4)
    rank, regress = model.stages({})
    assert (rank.name, rank.epochs, regress.name, regress.epochs) == ("rank", 10, "regress", 25)
    in_rank = sum(len(g["params"]) for g in model.param_groups({}))
    model.enter_stage(regress)
    model.enter_stage(regress)
    assert sum(len(g["params"]) for g in model.param_groups({})) == in_rank - 2
    loss, parts = model.loss(model(images, targets), targets)
    expected = (model(images).euler - targets["euler"]).square().mean()
    assert set(parts) == {"mse"}
    torch.testing.assert_close(loss, expected, rtol=1e-3, atol=1e-2)
    loss.backward()
    assert all(p.grad is None for p in model.ensemble.parameters())


def test_ranking_alone_orders_the_yaw_of_heads():
    torch.manual_seed(0)
    model = create_model("siamese_rank", **TINY, pair_label="order")
    pictures, euler, _, _ = batch_of_heads(32, 64)
    images, targets = prepare(pictures, model.input_spec), make_targets(torch.tensor(euler))
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(25):
        loss, _ = model.loss(model(images, targets), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    scores = model(images).extras["scores"][:, 0].detach()
    i, j = all_pairs(32)
    right = (scores[i] > scores[j]) == (targets["euler"][i, 0] > targets["euler"][j, 0])
    assert right.float().mean() > 0.95


def test_both_stages_overfit_32_heads_below_two_degrees():
    torch.manual_seed(0)
    model = create_model("siamese_rank", **TINY)
    pictures, euler, _, _ = batch_of_heads(32, 64)
    images, targets = prepare(pictures, model.input_spec), make_targets(torch.tensor(euler))
    for stage, steps in zip(model.stages({}), (20, 90), strict=True):
        model.enter_stage(stage)
        optimiser = torch.optim.Adam([p for g in model.param_groups({}) for p in g["params"]], lr=3e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
        for _ in range(steps):
            loss, _ = model.loss(model(images, targets), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    with torch.no_grad():
        error = geodesic_deg(model.eval()(images).R, targets["R"])
    assert error.mean() < 2.0


def test_degradations_change_pictures_within_range_and_repeat_from_their_seed():
    images = torch.rand(16, 3, 32, 32)
    a = degrade(images, torch.Generator().manual_seed(1), 1.0)
    b = degrade(images, torch.Generator().manual_seed(1), 1.0)
    assert torch.equal(a, b)
    assert a.min() >= 0
    assert a.max() <= 1
    assert (a - images).abs().mean((1, 2, 3)).min() > 0.005
    torch.testing.assert_close(degrade(images, torch.Generator().manual_seed(1), 0.0), images)
    with pytest.raises(UsageError, match="between 0 and 1"):
        degrade(images, torch.Generator(), 1.5)


def test_the_network_hands_its_degradations_to_the_trainer():
    images = torch.rand(4, 3, 64, 64)
    degraded = create_model("siamese_rank", **{**TINY, "degradation": 1.0})
    assert not torch.equal(degraded.degrade(images, torch.Generator().manual_seed(0)), images)
    assert torch.equal(create_model("siamese_rank", **TINY).degrade(images, torch.Generator()), images)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"pair_label": "rank"}, "same, order"), ({"pairing": "twins"}, "ensemble, standard")],
)
def test_wrong_options_are_refused_in_one_sentence(options, message):
    with pytest.raises(UsageError, match=message):
        create_model("siamese_rank", **TINY, **options)
