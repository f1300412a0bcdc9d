"""The structure of a network: what it consists of, which patches it can hold, and what it costs; without torch.

A fully convolutional network of several resolution levels. Each level halves the edges of the one above it. A block of
convolutions per level leads down, and from the lowest level another one per level leads up again, as far as the heat
map, which has a cell for 2 x 2 x 2 voxels. `blocks` lists them; the network is built from this list, and the estimates
count the same list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple, Self, get_args

Normalisation = Literal["batch", "instance", "group"]
Activation = Literal["relu", "leaky_relu", "elu"]

NORMALISATIONS: tuple[str, ...] = get_args(Normalisation)
ACTIVATIONS: tuple[str, ...] = get_args(Activation)

STRIDE = 2
"""Voxels per cell of the heat map: the smallest metastases are larger than that, and a voxel costs an eighth."""

GROUP = 4
"""Feature maps that group normalisation takes together; widths are multiples of it."""

LEAST_VALUES = 16
"""Mean and spread of fewer values than that tell of chance more than of the patch."""

POINTWISE_OPERATIONS = 400
"""What normalising, activating, storing and fetching one value costs on a CPU, in multiply-adds."""

_BYTES = 4


class Block(NamedTuple):
    """A row of convolutions at one level.

    Attributes:
        level: 0 for full resolution.
        inputs: Feature maps that it takes.
        width: Feature maps of each of its convolutions.
        leads_down: Whether it is on the way down, where a pooling comes before it; else an upsampling does.
    """

    level: int
    inputs: int
    width: int
    leads_down: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What the search chooses of a network's structure.

    Attributes:
        levels: Resolution levels, 2 or more.
        base_width: Feature maps of the first level.
        convolutions: Convolutions per block.
        kernel: Edge of their kernels, odd.
        width_growth: Feature maps of a level over those of the level above it.
        normalisation: `batch`, `instance` or `group`.
        activation: `relu`, `leaky_relu` or `elu`.
        residual: Whether a block's input is added to what its last convolution gives.
    """

    levels: int
    base_width: int
    convolutions: int
    kernel: int
    width_growth: float
    normalisation: Normalisation
    activation: Activation
    residual: bool

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Take the structure from a configuration; other keys are passed over."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    @property
    def multiple(self) -> int:
        """What the edges of patches and volumes are divisible by."""
        return int(2 ** (self.levels - 1))

    @property
    def widths(self) -> tuple[int, ...]:
        """Feature maps of each level, multiples of `GROUP`."""
        exact = (self.base_width * self.width_growth**level for level in range(self.levels))
        return tuple(GROUP * max(1, round(width / GROUP)) for width in exact)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks in the order in which the volume goes through them."""
        inputs = (1, *self.widths)
        down = [Block(level, inputs[level], width, leads_down=True) for level, width in enumerate(self.widths)]
        up = [Block(level, 2 * self.widths[level], self.widths[level], leads_down=False) for level in self._levels_up]
        return (*down, *up)

    @property
    def reach(self) -> int:
        """Voxels between a cell of the heat map and the furthest voxel that it depends on, at most."""
        per_convolution = sum(self.convolutions * (self.kernel // 2) * 2**block.level for block in self.blocks)
        return int(per_convolution + 2 * self.multiple)

    @property
    def weights(self) -> int:
        """Number of weights."""
        heads = self.widths[1] + 1
        return heads + sum(
            sum(_connections(self, block))
            + 2 * block.width * self.convolutions
            + (0 if block.leads_down else _upsampling(self, block) + block.width)
            for block in self.blocks
        )

    @property
    def operations(self) -> float:
        """What a forward pass costs per voxel of its input, in multiply-adds."""
        per_block = (
            (sum(_connections(self, block)) + POINTWISE_OPERATIONS * block.width * self.convolutions) / 8**block.level
            + _upsampling(self, block) / 8 ** (block.level + 1)
            for block in self.blocks
        )
        return float(sum(per_block))

    def problems(self, patch_edge: int, batch: int) -> Iterator[str]:
        """Say why the network cannot be trained on such patches, one line `key: problem; remedy` each.

        Args:
            patch_edge: Edge of a patch, voxels.
            batch: Patches that go through the network at a time.
        """
        if self.kernel % 2 == 0:
            yield f"kernel: {self.kernel} has no middle; write {self.kernel + 1}"
        if patch_edge % self.multiple:
            remedy = f"write {self.multiple * max(1, round(patch_edge / self.multiple))}, or fewer levels"
            yield f"patch_edge: {self.levels} levels need a multiple of {self.multiple}, not {patch_edge}; {remedy}"
            return
        coarsest = patch_edge // self.multiple
        where = f"the {coarsest} cells that {self.levels} levels leave of a patch's edge of {patch_edge} voxels"
        if coarsest <= self.kernel // 2:
            # Its outer weights would meet nothing but padding in training, stay as drawn, and meet cells in a volume.
            yield f"kernel: {self.kernel} reaches beyond {where}; write a smaller kernel, or fewer levels"
        values: int = coarsest**3 * {"batch": batch, "instance": 1, "group": GROUP}[self.normalisation]
        if values < LEAST_VALUES:
            remedy = "write fewer levels, a larger patch_edge or another normalisation"
            yield f"normalisation: {self.normalisation} has {values} values to go by in {where}; {remedy}"

    def training_bytes(self, patch_edge: int, batch: int, *, is_recomputed: bool = False) -> int:
        """Estimate the memory that a training step takes for activations, weights, gradients and optimizer.

        Args:
            patch_edge: Edge of a patch, voxels.
            batch: Patches that go through the network at a time.
            is_recomputed: Whether activations within a block are computed again in the backward pass.
        """
        cells = {block: batch * patch_edge**3 // 8**block.level for block in self.blocks}
        kept = {block: self._kept(block) * count for block, count in cells.items()}
        between = sum((block.inputs + block.width) * count for block, count in cells.items())
        activations = between + max(kept.values()) if is_recomputed else sum(kept.values())
        gradients = 2 * max(block.width * count for block, count in cells.items())
        return int(_BYTES * (activations + gradients + 4 * self.weights))

    def _kept(self, block: Block) -> int:
        """Give the values per cell that a block keeps for the backward pass.

        That is its input; of each convolution the output, for the normalisation, and what the activation makes of it;
        after a pooling, which of eight cells it took, in eight bytes; and what the dropout left.
        """
        indices = 2 * block.inputs if block.leads_down and block.level else 0
        dropped = block.width if block.level else 0
        return block.inputs + 2 * self.convolutions * block.width + indices + dropped

    @property
    def _levels_up(self) -> range:
        return range(self.levels - 2, 0, -1)


def _connections(structure: Structure, block: Block) -> Iterator[int]:
    """Give the weights of each convolution of a block, the one beside them where it is residual."""
    yield block.inputs * block.width * structure.kernel**3
    for _ in range(structure.convolutions - 1):
        yield block.width**2 * structure.kernel**3
    if structure.residual and block.inputs != block.width:
        yield block.inputs * block.width


def _upsampling(structure: Structure, block: Block) -> int:
    """Give the weights of the upsampling before a block, from the level below it."""
    return 0 if block.leads_down else 8 * structure.widths[block.level + 1] * block.width
