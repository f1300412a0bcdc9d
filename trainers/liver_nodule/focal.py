"""The focal loss: cells that the network already gets right hardly count."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

NODULE_SHARE = 0.04
"""About the share of nodule cells in a patch that is drawn around a nodule."""


def focal_loss(logits: Tensor, targets: Tensor, *, gamma: float, alpha: float) -> Tensor:
    """Give the focal loss of cells.

    Each cell's cross-entropy is weighted by the distance between target and probability to the power of gamma, and by
    alpha where there is a nodule, 1 - alpha elsewhere. The source divides by the number of objects in the batch; here
    a constant stands for it, so that the loss of a batch stays the mean of its parts' losses.

    Args:
        logits: (...) logits of the cells.
        targets: (...) share of each cell that is nodule, 0 to 1.
        gamma: Focus, >= 0; 0 gives the weighted cross-entropy.
        alpha: Weight of nodule cells, 0 to 1.

    Returns:
        Loss ().

    Source:
        Lin et al., Focal loss for dense object detection, ICCV 2017, equation 5; for targets between 0 and 1 the
        distance as in Li et al., Generalized focal loss, NeurIPS 2020, equation 5.
    """
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    focus = (targets - torch.sigmoid(logits)).abs() ** gamma
    weights = alpha * targets + (1 - alpha) * (1 - targets)
    loss: Tensor = (weights * focus * cross_entropy).mean() / NODULE_SHARE
    return loss
