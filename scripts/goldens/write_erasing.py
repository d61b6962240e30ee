"""Writes test/fixtures/erasing.json: how torchvision's RandomErasing draws its rectangles.

    python scripts/goldens/write_erasing.py

For each setting, rectangles are drawn with `RandomErasing.get_params`. Each quantity's empirical
distribution function is stored at the quantiles of the sample.
"""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torchvision
from torchvision.transforms import RandomErasing

FILE = Path(__file__).resolve().parents[2] / "test/fixtures/erasing.json"
# Small, so that how sides are rounded shows.
SIZE = 32
DRAWS = 20_000
QUANTILES = 40
# Further than float64 rounds, less than two values of a quantity are apart.
EPSILON = 1e-5


class Setting(NamedTuple):
    name: str
    scale: tuple[float, float]
    ratio: tuple[float, float] = (0.3, 3.3)


SETTINGS = [
    Setting("RAF-DB", (0.02, 0.1)),
    Setting("AffectNet", (0.05, 0.05)),
    Setting("torchvision's default", (0.02, 0.33)),
    # Often too long for the image: attempts are drawn again, and all ten may fail.
    Setting("nearly the whole image", (0.8, 1.0)),
    Setting("upright", (0.1, 0.4), (1.5, 3.0)),
]


def draw(setting: Setting) -> tuple[list[tuple[int, int, int, int]], int]:
    """Rectangles as (top, left, height, width), and how often ten attempts failed."""
    image = torch.zeros(3, SIZE, SIZE)
    rectangles = []
    for _ in range(DRAWS):
        top, left, height, width, _ = RandomErasing.get_params(
            image, setting.scale, setting.ratio, [0.0]
        )
        if height < SIZE:
            rectangles.append((top, left, height, width))
    return rectangles, DRAWS - len(rectangles)


def quantities(rectangle: tuple[int, int, int, int]) -> dict[str, float]:
    top, left, height, width = rectangle
    return {
        "area": height * width,
        "logAspect": math.log(height / width),
        "height": height,
        "width": width,
        "centerY": top + height / 2,
        "centerX": left + width / 2,
        # Position among those possible for a rectangle of this size.
        "freeY": (top + 0.5) / (SIZE - height + 1),
        "freeX": (left + 0.5) / (SIZE - width + 1),
    }


def distribution(values: list[float]) -> dict[str, list[float]]:
    """The share of values up to each of some points."""
    sample = np.sort(values)
    points = np.unique(np.quantile(sample, np.linspace(0, 1, QUANTILES + 1), method="lower"))
    shares = np.searchsorted(sample, points + EPSILON, side="right") / len(sample)
    return {"points": points.round(6).tolist(), "shares": shares.round(6).tolist()}


def describe(setting: Setting) -> dict[str, Any]:
    rectangles, failed = draw(setting)
    rows = [quantities(rectangle) for rectangle in rectangles]
    return {
        **setting._asdict(),
        "failed": failed,
        "distributions": {key: distribution([row[key] for row in rows]) for key in rows[0]},
    }


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    golden = {
        "from": "scripts/goldens/write_erasing.py",
        "versions": {
            "torchvision": torchvision.__version__.split("+")[0],
            "torch": torch.__version__.split("+")[0],
        },
        "size": SIZE,
        "draws": DRAWS,
        "epsilon": EPSILON,
        "settings": [describe(setting) for setting in SETTINGS],
    }
    FILE.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
