"""Procedural TOF-MRA: vessels, aneurysms, what looks like aneurysms, and how the scanner sees them.

A phantom is a pure function of (preset, seed, index). The anatomy is made in mm; presets differ in field of view,
spacing and number of trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from trainers.aneurysm.vessels import Site, grow_tree
from trainers.cad.case import Floats, Image
from trainers.cad.phantoms.tubes import Spheres, centre_line, draw, perpendicular

PHANTOM_VERSION = 4
"""Part of every cached phantom's name. Raise it with any change that alters a phantom."""

ANEURYSMS_PER_CASE = (0.15, 0.50, 0.35)
"""Probabilities of 0, 1 and 2 aneurysms."""

ANEURYSM_RADIUS_MM = (1.3, 2.0, 4.0)
"""Least, median and greatest radius of the lognormal distribution of the domes."""

BIFURCATION_SHARE = 0.7
LOBULATED_SHARE = 0.4
BRANCH_RADIUS_MM = 0.4
BLOOD_SIGNAL = 0.9
TISSUE_SIGNAL = 0.22
SLAB_MM = 13.0


@dataclass(frozen=True, slots=True)
class Preset:
    """Size and difficulty of a family of phantoms.

    Attributes:
        shape: Voxels along z, y, x.
        spacing: Edge of a voxel, mm.
        trees: Number of arterial trees.
        generations: Bifurcations on the longest way through a tree.
        root_radius_mm: Least and greatest radius of a tree's root.
        length_in_radii: Least and greatest length of a vessel between bifurcations.
        noise: Standard deviation of the noise in either channel; blood is `BLOOD_SIGNAL`.
    """

    shape: tuple[int, int, int]
    spacing: float
    trees: int
    generations: int
    root_radius_mm: tuple[float, float]
    length_in_radii: tuple[float, float]
    noise: float

    @property
    def extent(self) -> Floats:
        """Field of view (3,), z, y, x in mm."""
        return (np.array(self.shape) - 1) * self.spacing


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "tiny": Preset((48, 64, 64), 0.8, 3, 2, root_radius_mm=(1.0, 1.7), length_in_radii=(8, 14), noise=0.08),
        "small": Preset((128, 128, 128), 0.6, 4, 3, root_radius_mm=(1.2, 2.0), length_in_radii=(10, 18), noise=0.08),
        "full": Preset((256, 256, 256), 0.5, 6, 5, root_radius_mm=(1.5, 2.4), length_in_radii=(12, 22), noise=0.08),
    }
)


class Phantom(NamedTuple):
    """A volume and its aneurysms.

    Attributes:
        volume: (z, y, x) signal, about 0 to 1.5.
        centres: (n, 3) centres of the aneurysms, z, y, x in mm from the centre of the first voxel.
        diameters: (n,) mm.
    """

    volume: Image
    centres: Floats
    diameters: Floats


class Aneurysm(NamedTuple):
    """A saccular aneurysm: what it looks like and what a reader would measure."""

    blood: Spheres
    centre: Floats
    radius: float


def make_phantom(preset: Preset, seed: int, index: int) -> Phantom:
    """Make one case.

    Args:
        preset: Size and difficulty.
        seed: Seed of the family, >= 0.
        index: Number of the case, >= 0.

    Returns:
        The case; the same one for the same arguments.
    """
    rng = np.random.default_rng((seed, index, *preset.shape))
    trees = [
        grow_tree(rng, preset.extent, radius, preset.generations, preset.length_in_radii)
        for radius in rng.uniform(*preset.root_radius_mm, size=preset.trees)
    ]
    sites = [site for tree in trees for site in tree.sites]
    aneurysms = _grow_aneurysms(rng, sites, preset.extent)
    distractors = [*_infundibula(rng, sites), *_kissing_vessels(rng, sites), *_bright_fat(rng, preset)]
    blood = Spheres.join([*(tree.blood for tree in trees), *(sac.blood for sac in aneurysms), *distractors])
    return Phantom(
        volume=_scan(rng, blood, preset),
        centres=np.array([sac.centre for sac in aneurysms]).reshape(-1, 3),
        diameters=np.array([2 * sac.radius for sac in aneurysms]),
    )


def _grow_aneurysms(rng: Generator, sites: list[Site], extent: Floats) -> list[Aneurysm]:
    wanted = rng.choice(len(ANEURYSMS_PER_CASE), p=ANEURYSMS_PER_CASE)
    grown: list[Aneurysm] = []
    for _ in range(50):
        if len(grown) == wanted:
            break
        sac = _aneurysm(rng, _choose_site(rng, sites))
        apart = all(np.linalg.norm(sac.centre - other.centre) > sac.radius + other.radius + 3 for other in grown)
        if apart and ((sac.centre > 1.5 * sac.radius) & (sac.centre < extent - 1.5 * sac.radius)).all():
            grown.append(sac)
    return grown


def _choose_site(rng: Generator, sites: list[Site]) -> Site:
    at_bifurcation = rng.random() < BIFURCATION_SHARE
    pool = [site for site in sites if site.at_bifurcation == at_bifurcation] or sites
    return pool[rng.integers(len(pool))]


def _aneurysm(rng: Generator, site: Site) -> Aneurysm:
    least, median, greatest = ANEURYSM_RADIUS_MM
    radius = float(np.clip(median * np.exp(rng.normal(scale=0.33)), least, greatest))
    outward = site.outward + 0.3 * rng.normal(size=3)
    outward /= np.linalg.norm(outward)
    centre = site.wall_centre + outward * (0.7 * site.radius + 0.85 * radius)
    # Slightly displaced balls make the dome irregular; a smaller one at its tip makes a daughter sac.
    bulges = centre + 0.25 * radius * rng.normal(size=(3, 3))
    centres, radii = [centre, *bulges], [radius, *rng.uniform(0.7, 0.85, size=3) * radius]
    if rng.random() < LOBULATED_SHARE:
        centres.append(centre + 0.8 * radius * (outward + 0.4 * perpendicular(rng, outward)))
        radii.append(0.5 * radius)
    signal = site.signal * rng.uniform(0.8, 1.0)
    return Aneurysm(Spheres(np.array(centres), np.array(radii), np.full(len(radii), signal)), centre, radius)


def _infundibula(rng: Generator, sites: list[Site]) -> list[Spheres]:
    """Cones at the origin of a small branch: the commonest thing that is taken for an aneurysm."""
    cones = []
    for place in rng.permutation(len(sites))[: rng.poisson(0.12 * len(sites))]:
        site = sites[place]
        outward = perpendicular(rng, site.outward)
        points = centre_line(rng, site.wall_centre + 0.8 * site.radius * outward, outward, 8.0, tortuosity=0.2)
        from_wall = np.linspace(0, 8.0, len(points))
        radii = np.maximum(rng.uniform(0.8, 1.2) * (1 - from_wall / 3), BRANCH_RADIUS_MM)
        cones.append(Spheres(points, radii, np.full(len(points), site.signal)))
    return cones


def _kissing_vessels(rng: Generator, sites: list[Site]) -> list[Spheres]:
    """Vessels that pass another so closely that partial volume joins them."""
    passing = []
    for place in rng.permutation(len(sites))[: rng.poisson(0.06 * len(sites))]:
        site = sites[place]
        radius = rng.uniform(0.7, 1.3)
        touch = site.wall_centre + site.outward * (site.radius + radius)
        along = perpendicular(rng, site.outward)
        halves = [centre_line(rng, touch, sign * along, rng.uniform(6, 12), tortuosity=0.25) for sign in (1, -1)]
        points = np.concatenate(halves)
        passing.append(Spheres(points, np.full(len(points), radius), np.full(len(points), site.signal)))
    return passing


def _bright_fat(rng: Generator, preset: Preset) -> list[Spheres]:
    """Lumps of fat away from the vessels; its short T1 keeps it bright."""
    lumps = []
    for _ in range(rng.poisson(1.5 * preset.trees)):
        centre = rng.uniform(0, 1, size=3) * preset.extent
        balls = centre + rng.normal(size=(6, 3)) * rng.uniform(0.5, 2.0, size=3)
        lumps.append(Spheres(balls, rng.uniform(0.8, 2.2, size=6), np.full(6, rng.uniform(0.9, 1.4))))
    return lumps


def _scan(rng: Generator, blood: Spheres, preset: Preset) -> Image:
    """Give the magnitude image (z, y, x): tissue, blood, slab shading, coil bias and Rician noise."""
    lumen = np.zeros(preset.shape, np.float32)
    draw(lumen, blood, preset.spacing)
    texture = ndimage.gaussian_filter(rng.standard_normal(preset.shape, np.float32), 2.4 / preset.spacing)
    tissue = TISSUE_SIGNAL + 0.02 * texture / texture.std()
    image = tissue * (1 - lumen) + BLOOD_SIGNAL * lumen
    image *= _coil_bias(rng, preset) * _slab_shading(preset)
    real, imaginary = preset.noise * rng.standard_normal((2, *preset.shape), np.float32)
    magnitude: Image = np.hypot(image + real, imaginary).astype(np.float32)
    return magnitude


def _coil_bias(rng: Generator, preset: Preset) -> Image:
    coarse = rng.normal(scale=0.2, size=(3, 3, 3))
    smooth = ndimage.zoom(coarse, np.array(preset.shape) / 3, order=2, mode="nearest", grid_mode=True)
    bias: Image = np.exp(smooth).astype(np.float32)
    return bias


def _slab_shading(preset: Preset) -> Image:
    """Give the sensitivity (z, 1, 1) of overlapping slabs: each falls off towards its edges."""
    depth = np.arange(preset.shape[0]) * preset.spacing
    from_middle = np.abs((depth % SLAB_MM) / SLAB_MM - 0.5) * 2
    shading: Image = (1 - 0.1 * from_middle**2).astype(np.float32)[:, None, None]
    return shading
