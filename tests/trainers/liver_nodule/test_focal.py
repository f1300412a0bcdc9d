"""The focal loss is the published formula."""

from __future__ import annotations

import math

import pytest
import torch

from trainers.liver_nodule.focal import NODULE_SHARE, focal_loss


@pytest.mark.parametrize(("gamma", "alpha"), [(0.0, 0.5), (2.0, 0.25), (5.0, 0.9)])
def test_hard_targets_give_the_published_formula(gamma: float, alpha: float) -> None:
    nodule, elsewhere = 0.3, 0.8  # probabilities that the network gives a nodule cell and one elsewhere
    by_hand = -alpha * (1 - nodule) ** gamma * math.log(nodule)
    by_hand -= (1 - alpha) * elsewhere**gamma * math.log(1 - elsewhere)
    logits = torch.logit(torch.tensor([nodule, elsewhere], dtype=torch.float64))
    loss = focal_loss(logits, torch.tensor([1.0, 0.0], dtype=torch.float64), gamma=gamma, alpha=alpha)
    assert loss.item() == pytest.approx(by_hand / 2 / NODULE_SHARE, rel=1e-9)


def test_cells_that_are_right_hardly_count_when_the_focus_is_sharp() -> None:
    right = torch.full((1000,), -4.0)
    plain, focused = (focal_loss(right, torch.zeros(1000), gamma=gamma, alpha=0.5) for gamma in (0.0, 2.0))
    assert focused < plain / 1000


def test_a_soft_target_is_met_by_its_own_probability() -> None:
    target = torch.tensor([0.4], requires_grad=False)
    logit = torch.logit(target).requires_grad_()
    loss = focal_loss(logit, target, gamma=2.0, alpha=0.5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(0, abs=1e-9)
    assert logit.grad is not None
    assert logit.grad.item() == pytest.approx(0, abs=1e-6)


def test_the_loss_of_a_batch_is_the_mean_of_its_patches() -> None:
    rng = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(4, 1, 3, 3, 3, generator=rng), torch.rand(4, 1, 3, 3, 3, generator=rng).round()
    alone = [focal_loss(logits[each], targets[each], gamma=2.0, alpha=0.3).item() for each in range(4)]
    assert focal_loss(logits, targets, gamma=2.0, alpha=0.3).item() == pytest.approx(sum(alone) / 4, rel=1e-5)


def test_a_batch_without_any_nodule_has_a_finite_loss() -> None:
    loss = focal_loss(torch.tensor([60.0, -60.0]), torch.zeros(2), gamma=2.0, alpha=0.25)
    assert 0 < loss.item() < 1000
