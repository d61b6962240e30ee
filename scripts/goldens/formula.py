"""Tensors by formula: the same float32 values, bit for bit, in Python and in TypeScript.

Goldens need weights and images, but not stored ones: 45 million numbers follow from their names.
The twin of this file is test/support/formula.ts.

    h    = FNV-1a (32 bit) of the name in UTF-8
    x_i  = mix(h + i * 0x9E3779B9)            uint32; i counts elements row by row
    u_i  = (x_i >> 8) / 2^23 - 1              in [-1, 1), exact
    t_i  = float32(center + scale * u_i)      computed in float64, rounded once

Layouts are PyTorch's: convolutions OIHW, dense weights [out, in], images [B, 3, H, W].
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FORMULA_VERSION = 1

# Coarse cells along each side of an image.
IMAGE_CELLS = 8

_PRELU = re.compile(r"(^|\.)(prelu|input_layer\.2|res_layer\.2)\.weight$")


class Rule(NamedTuple):
    center: float
    scale: float


def hash_name(name: str) -> int:
    """FNV-1a of the UTF-8 bytes."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def hash_elements(name: str, count: int) -> NDArray[np.uint32]:
    """`count` pseudo-random words: the name's hash mixed with each index (lowbias32)."""
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(hash_name(name))
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x


def uniform(name: str, count: int) -> NDArray[np.float64]:
    """Uniform in [-1, 1), each a multiple of 2^-23."""
    return (hash_elements(name, count) >> np.uint32(8)) / 2.0**23 - 1.0


def formula_tensor(name: str, shape: Sequence[int], rule: Rule) -> NDArray[np.float32]:
    values = rule.center + rule.scale * uniform(name, math.prod(shape))
    return values.astype(np.float32).reshape(shape)


def weight_rule(name: str, shape: Sequence[int]) -> Rule:
    """How large a weight is, by its name in the state dict: activations keep their size."""
    kind = name.split(".")[-1]
    if kind == "running_mean":
        return Rule(0.0, 0.1)
    if kind == "running_var":
        return Rule(1.0, 0.5)
    if kind == "bias":
        return Rule(0.0, 0.1)
    if _PRELU.search(name):
        return Rule(0.25, 0.1)
    if kind in ("gamma1", "gamma2"):
        # Far from the 1e-5 they start at in training: the branch must count.
        return Rule(0.5, 0.2)
    if kind == "weight" and len(shape) == 1:
        return Rule(1.0, 0.2)
    if kind == "weight":
        # 21 residual units would otherwise multiply what passes through them by a hundred.
        gain = 0.8 if ".res_layer." in name else 1.0
        return Rule(0.0, gain * math.sqrt(3.0 / math.prod(shape[1:])))
    return Rule(0.0, 0.5)


def formula_weight(name: str, shape: Sequence[int], namespace: str = "") -> NDArray[np.float32]:
    """A weight by its name in the state dict; the namespace tells equal names apart."""
    return formula_tensor(namespace + name, shape, weight_rule(name, shape))


def formula_images(name: str, batch: int, size: int) -> NDArray[np.float32]:
    """Normalised images [batch, 3, size, size]: noise on coarse cells, so that images differ."""
    cell = size // IMAGE_CELLS
    coarse_shape = (batch, 3, IMAGE_CELLS, IMAGE_CELLS)
    coarse = uniform(f"{name}/coarse", math.prod(coarse_shape)).reshape(coarse_shape)
    fine = uniform(f"{name}/fine", batch * 3 * size * size).reshape(batch, 3, size, size)
    return (coarse.repeat(cell, axis=2).repeat(cell, axis=3) + fine).astype(np.float32)


def formula_labels(batch: int, num_classes: int) -> NDArray[np.int64]:
    return (3 * np.arange(batch, dtype=np.int64) + 1) % num_classes


def sample_indices(name: str, size: int, count: int) -> NDArray[np.int64]:
    """Flat indices of up to `count` elements, scattered so that no axis is favoured."""
    if size <= count:
        return np.arange(size)
    return (hash_elements(f"{name}/samples", count) % np.uint32(size)).astype(np.int64)
