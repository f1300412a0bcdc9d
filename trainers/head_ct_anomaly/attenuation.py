"""The scale of the network's signal: Hounsfield units around those of brain, and a mark on all outside the skull."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainers.cad.case import Image
from trainers.head_ct_anomaly.intracranial import Mask, intracranial

CENTRE_HU, HU_PER_UNIT = 35.0, 40.0
"""Attenuation of brain, which becomes 0, and what becomes 1: about what separates fluid, brain and blood."""

OUTSIDE, LEAST_INSIDE = -12.0, -1.5
"""Signal of what is not inside the skull, and the least that is taken for inside: a patch that was turned has mixtures
of both."""


def strip(hu: Image, spacing: float) -> Image:
    """Bring a head CT to the network's scale, and mark what does not lie inside the skull.

    Args:
        hu: (z, y, x) attenuation, Hounsfield units, z towards the head.
        spacing: Edge of a voxel, mm.

    Returns:
        (z, y, x) signal; `OUTSIDE` everywhere where there is no skull, or what was given are no Hounsfield units.
    """
    scaled = np.clip((hu - CENTRE_HU) / HU_PER_UNIT, LEAST_INSIDE + 0.01, None)
    stripped: Image = np.where(intracranial(hu, spacing), scaled, OUTSIDE).astype(np.float32)
    return stripped


def to_hu(signal: Image) -> Image:
    """Turn the network's scale into Hounsfield units; what is not inside the skull becomes air."""
    return np.where(is_inside(signal), signal * HU_PER_UNIT + CENTRE_HU, -1000.0).astype(np.float32)


def is_inside(signal: Image) -> Mask:
    """Tell which voxels lie inside the skull."""
    return np.asarray(signal > LEAST_INSIDE)


def windowed(signals: Tensor, window_hu: float) -> tuple[Tensor, Tensor]:
    """Clip patches to a window, and tell what of them counts.

    Args:
        signals: (b, 1, z, y, x) on the network's scale.
        window_hu: Width of the window.

    Returns:
        The clipped patches, with the window's lower end where nothing counts, and 1 inside the skull and 0 outside;
        (b, 1, z, y, x) each.
    """
    half = window_hu / HU_PER_UNIT / 2
    return signals.clamp(-half, half), (signals > LEAST_INSIDE).to(torch.float32)
