"""Writes test/fixtures/augmentations.safetensors: what torchvision makes of a picture, operation by operation.

    python scripts/goldens/write_augmentations.py

The operations are those of torchvision's transforms with given parameters, on a PIL image, where
interpolation is bilinear and what comes from outside is black. `augmentations.json` beside it holds how
torchvision draws the parameters: each quantity's empirical distribution function, at quantiles.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
import torchvision
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save_file
from torchvision.transforms import ColorJitter, InterpolationMode, RandAugment, RandomAffine
from torchvision.transforms import functional as F
from torchvision.transforms.autoaugment import _apply_op
from write_erasing import EPSILON, distribution

FIXTURES = Path(__file__).resolve().parents[2] / "test/fixtures"
PICTURE = FIXTURES / "pixels/face_100.png"
# Odd, so that the centre is one of a pixel; small, so that the file is.
SIZE = 37
DRAWS = 20_000
BILINEAR = InterpolationMode.BILINEAR

Case = tuple[str, dict[str, Any]]

BLENDS = ["brightness", "contrast", "saturation", "sharpness"]
FACTORS = [0.0, 0.3, 0.85, 1.0, 1.4, 2.5]
COLOUR: list[Case] = [
    *((name, {"factor": factor}) for name in BLENDS for factor in FACTORS),
    *(("hue", {"factor": factor}) for factor in (-0.5, -0.21, -0.003, 0.0, 0.1, 0.37, 0.5)),
    *(("posterize", {"bits": bits}) for bits in (1, 4, 8)),
    *(("solarize", {"threshold": threshold}) for threshold in (0.0, 60.5, 128.0, 255.0)),
    ("autocontrast", {}),
    ("equalize", {}),
]
AFFINE: list[dict[str, Any]] = [
    {"angle": 12.5, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]},
    {"angle": -151.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]},
    {"angle": 0.0, "translate": [7, -4], "scale": 1.0, "shear": [0.0, 0.0]},
    {"angle": 0.0, "translate": [0, 0], "scale": 0.7, "shear": [0.0, 0.0]},
    {"angle": 0.0, "translate": [0, 0], "scale": 1.33, "shear": [0.0, 0.0]},
    {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [11.0, 0.0]},
    {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, -8.0]},
    {"angle": 33.3, "translate": [-5, 3], "scale": 1.1, "shear": [9.0, 4.0]},
]
MAGNITUDES = [1, 9, 30]


def picture() -> Image.Image:
    return Image.open(PICTURE).convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)


def narrow(image: Image.Image) -> Image.Image:
    """Few values, and one channel of one: where contrast and histogram have little to stretch."""
    pixels = np.asarray(image).copy()
    pixels[..., 0] = pixels[..., 0] // 4 + 90
    pixels[..., 2] = 77
    return Image.fromarray(pixels)


def adjust(image: Image.Image, name: str, parameters: dict[str, Any]) -> Image.Image:
    function = getattr(F, f"adjust_{name}", None) or getattr(F, name)
    return function(image, *parameters.values())


def magnitude_of(name: str, magnitude: int) -> float:
    magnitudes, _ = RandAugment()._augmentation_space(31, (SIZE, SIZE))[name]
    return float(magnitudes[magnitude].item()) if magnitudes.ndim > 0 else 0.0


def is_signed(name: str) -> bool:
    return RandAugment()._augmentation_space(31, (SIZE, SIZE))[name][1]


def images() -> tuple[dict[str, NDArray[np.uint8]], list[dict[str, Any]]]:
    sources = {"picture": picture(), "narrow": narrow(picture())}
    arrays = {name: np.asarray(image) for name, image in sources.items()}
    cases: list[dict[str, Any]] = []

    def add(source: str, kind: str, result: Image.Image, **what: Any) -> None:
        arrays[str(len(cases))] = np.asarray(result)
        cases.append({"source": source, "kind": kind, **what})

    for source, image in sources.items():
        for name, parameters in COLOUR:
            add(source, "colour", adjust(image, name, parameters), name=name, **parameters)
    image = sources["picture"]
    for parameters in AFFINE:
        moved = F.affine(image, **parameters, interpolation=BILINEAR)
        add("picture", "affine", moved, **parameters)
    for name in RandAugment()._augmentation_space(31, (SIZE, SIZE)):
        for magnitude in MAGNITUDES:
            for sign in (1, -1) if is_signed(name) else (1,):
                amount = sign * magnitude_of(name, magnitude)
                result = _apply_op(image, name, amount, interpolation=BILINEAR, fill=None)
                add("picture", "randAugment", result, name=name, magnitude=magnitude, sign=sign)
    return arrays, cases


JITTER = {"brightness": 0.4, "contrast": 0.3, "saturation": 1.5, "hue": 0.1}
MOVE = {"degrees": 15, "translate": 0.2, "scale": [0.8, 1.3], "shear": 10}


def draws() -> dict[str, Any]:
    jitter = ColorJitter(**JITTER)
    ranges = [jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue]
    rows: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        rows.setdefault(name, []).append(value)

    orders: dict[str, int] = {}
    for _ in range(DRAWS):
        order, *factors = ColorJitter.get_params(*ranges)
        for name, factor in zip(JITTER, factors, strict=True):
            note(name, factor)
        key = "".join(str(i) for i in order.tolist())
        orders[key] = orders.get(key, 0) + 1
        angle, translations, scale, shear = RandomAffine.get_params(
            [-MOVE["degrees"], MOVE["degrees"]],
            [MOVE["translate"]] * 2,
            MOVE["scale"],
            [-MOVE["shear"], MOVE["shear"]],
            [SIZE, SIZE],
        )
        note("angle", angle)
        note("translateX", translations[0])
        note("translateY", translations[1])
        note("scale", scale)
        note("shear", shear[0])
        assert shear[1] == 0
    assert len(orders) == math.factorial(4)
    return {name: distribution(values) for name, values in rows.items()}


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    versions = {
        "torchvision": torchvision.__version__.split("+")[0],
        "torch": torch.__version__.split("+")[0],
        "pillow": PIL.__version__,
    }
    arrays, cases = images()
    about = {"from": "scripts/goldens/write_augmentations.py", "versions": versions}
    path = FIXTURES / "augmentations.safetensors"
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(contiguous, path, {"golden": json.dumps({**about, "size": SIZE, "cases": cases})})
    path.chmod(0o644)
    drawn = {
        **about,
        "size": SIZE,
        "draws": DRAWS,
        "epsilon": EPSILON,
        "jitter": JITTER,
        "affine": MOVE,
        "operations": list(RandAugment()._augmentation_space(31, (SIZE, SIZE))),
        "distributions": draws(),
    }
    (FIXTURES / "augmentations.json").write_text(json.dumps(drawn) + "\n")


if __name__ == "__main__":
    main()
