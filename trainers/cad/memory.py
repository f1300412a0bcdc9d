"""Less memory where it is short, and a clear word where it ran out."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from bohpo.errors import OutOfMemoryError

_REMEDY = "write checkpointing = true or accumulate = 2 in [fixed], or ask for more cluster.memory"

_COMPLAINTS = ("can't allocate memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")
"""What is said in errors of no class of their own: by PyTorch's allocator of the CPU; by CUDA, of memory that is pinned
or was taken by others; by cuBLAS and cuDNN."""


@contextlib.contextmanager
def naming_exhaustion() -> Iterator[None]:
    """Turn the several errors of memory that ran out into one, which says how to need less.

    Raises:
        OutOfMemoryError: Instead of them.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemoryError(f"{error}".partition(". ")[0] + "; " + _REMEDY) from error
    except MemoryError as error:
        raise OutOfMemoryError(f"out of memory; {_REMEDY}") from error
    except RuntimeError as error:
        if not any(complaint in str(error) for complaint in _COMPLAINTS):
            raise
        raise OutOfMemoryError(f"out of memory; {_REMEDY}") from error


def peak_memory() -> dict[str, float]:
    """Give the most memory that this process has held, MiB, as metrics; that of its GPU, too."""
    peaks = {"peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if torch.cuda.is_available():
        peaks["peak_gpu_memory_mib"] = torch.cuda.max_memory_allocated() / 2**20
    return peaks


def recompute_activations(network: nn.Module) -> None:
    """Keep the activations between a network's children only, and compute those within again in the backward pass.

    Members of lists of modules count as children. They take and give tensors. Weights and losses are the same bits;
    statistics of batches are counted once.
    """
    for child in _called_children(network):
        child.forward = partial(checkpoint, child.forward, use_reentrant=False, context_fn=partial(_contexts, child))


def _called_children(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, nn.ModuleList | nn.ModuleDict):
            yield from _called_children(child)
        else:
            yield child


def _contexts(module: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Give what the forward pass runs in, and what it runs in again."""
    return contextlib.nullcontext(), _without_statistics(module)


@contextlib.contextmanager
def _without_statistics(module: nn.Module) -> Iterator[None]:
    """Keep the running statistics of batch normalisation as they are."""
    counting = [each for each in module.modules() if isinstance(each, _BatchNorm)]
    before = [(each.momentum, each.num_batches_tracked) for each in counting]
    for each in counting:
        each.momentum = 0.0
        each.num_batches_tracked = None if each.num_batches_tracked is None else each.num_batches_tracked.clone()
    try:
        yield
    finally:
        for each, (momentum, count) in zip(counting, before, strict=True):
            each.momentum, each.num_batches_tracked = momentum, count
