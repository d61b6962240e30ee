"""Writes test/fixtures/pixels: pictures as files, and what torchvision makes of them.

    python -m pip install -r scripts/goldens/requirements.txt
    python scripts/goldens/write_pixels.py

Expected are the bytes between torchvision's `Resize((224, 224))` and `ToTensor`, of the image that
ImageFolder's loader opens: `Image.open(file).convert("RGB")`. Three cases leave that loader's way
on purpose and say so in the manifest.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
import torchvision
from pictures import HAPPY, SAD, face, scene
from PIL import Image, ImageOps, features
from torchvision import transforms
from torchvision.datasets.folder import pil_loader

FOLDER = Path(__file__).resolve().parents[2] / "test/fixtures/pixels"
SIZE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ORIENTATION = 0x0112


def turned(path: str) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def on_white(path: str) -> Image.Image:
    image = Image.open(path).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def scaled_grey(path: str) -> Image.Image:
    """The high byte of each sample; `convert` clips at 255 instead, which whitens the image."""
    high = np.asarray(Image.open(path)).astype(np.uint16) >> 8
    return Image.fromarray(high.astype(np.uint8)).convert("RGB")


@dataclass(frozen=True)
class Case:
    file: str
    image: Image.Image
    options: dict[str, Any] = field(default_factory=dict)
    load: Callable[[str], Image.Image] = pil_loader
    # Where the library departs from ImageFolder's loader.
    departs: str | None = None


def jpeg(subsampling: str, quality: int = 90, *, progressive: bool = False) -> dict[str, Any]:
    return {"subsampling": subsampling, "quality": quality, "progressive": progressive}


def faded(image: Image.Image) -> Image.Image:
    """Opaque on the left, clear on the right."""
    alpha = np.clip(np.linspace(400, -145, image.width), 0, 255).astype(np.uint8)
    image = image.copy()
    image.putalpha(Image.fromarray(np.tile(alpha, (image.height, 1))))
    return image


def deep_grey(image: Image.Image) -> Image.Image:
    grey = np.asarray(image.convert("L")).astype(np.uint16)
    return Image.fromarray(grey * 256 + np.uint16(77))


def photo_turned(orientation: int) -> dict[str, Any]:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return {**jpeg("4:2:0"), "exif": exif}


def cases() -> list[Case]:
    happy, sad = face(HAPPY, 100, 100), face(SAD, 100, 100)
    return [
        Case("face_100_420.jpg", happy, jpeg("4:2:0")),
        Case("face_100_444.jpg", sad, jpeg("4:4:4")),
        Case("face_100_grey.jpg", happy.convert("L"), {"quality": 90}),
        Case("face_100_cmyk.jpg", happy.convert("CMYK"), {"quality": 90}),
        Case("face_100.png", sad),
        Case("face_100_palette.png", happy.quantize(64)),
        Case("face_224_420.jpg", face(SAD, 224, 224), jpeg("4:2:0", 75)),
        Case("scene_97x211_420.jpg", scene(97, 211), jpeg("4:2:0")),
        Case("scene_211x97_422.jpg", scene(211, 97), jpeg("4:2:2")),
        Case("scene_97x211_grey.png", scene(97, 211).convert("L")),
        Case("scene_640x357_progressive.jpg", scene(640, 357), jpeg("4:2:0", progressive=True)),
        Case("scene_512_444_progressive.jpg", scene(512, 512), jpeg("4:4:4", progressive=True)),
        Case("face_512_420.jpg", face(HAPPY, 512, 512), jpeg("4:2:0")),
        Case("scene_1024_420.jpg", scene(1024, 1024), jpeg("4:2:0", 85)),
        Case(
            "face_160x100_turned.jpg", face(HAPPY, 100, 160).transpose(Image.Transpose.ROTATE_90),
            photo_turned(6), turned, "EXIF rotation is applied; ImageFolder leaves it",
        ),
        Case(
            "face_100_alpha.png", faded(happy), {}, on_white,
            "laid on white; ImageFolder drops alpha and shows the hidden colours",
        ),
        Case(
            "face_100_grey16.png", deep_grey(sad), {}, scaled_grey,
            "16-bit grey is scaled to 8 bits; ImageFolder clips it at 255, to white",
        ),
    ]  # fmt: skip


def write_case(case: Case) -> dict[str, Any]:
    path = FOLDER / case.file
    options = case.options if path.suffix == ".jpg" else {"optimize": True}
    case.image.save(path, **options)
    # Antialiasing is what PIL always does; torchvision's argument concerns tensors only.
    expected = transforms.Resize((SIZE, SIZE))(case.load(str(path)))
    expected_file = f"{path.stem}.expected.png"
    # Equal channels compress to a third as one.
    channels = np.asarray(expected)
    grey = (channels == channels[..., :1]).all()
    (expected.convert("L") if grey else expected).save(FOLDER / expected_file, optimize=True)
    entry = {"file": case.file, "expected": expected_file}
    if case.departs:
        plain = transforms.Resize((SIZE, SIZE))(pil_loader(str(path)))
        apart = np.abs(channels.astype(int) - np.asarray(plain)).mean()
        entry |= {"departs": case.departs, "meanFromImageFolder": round(float(apart), 2)}
    return entry


def normalised() -> dict[str, Any]:
    """ToTensor and Normalize of every 8th byte and the last, in each channel."""
    bytes_ = np.arange(256, dtype=np.uint8)[:, None, None].repeat(3, axis=2)
    tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])(bytes_)
    values = tensor[:, :, 0].T.contiguous().numpy()
    chosen = [*range(0, 256, 8), 255]
    return {"bytes": chosen, "values": [[float(v) for v in values[b]] for b in chosen]}


def main() -> None:
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    manifest = {
        "from": "scripts/goldens/write_pixels.py",
        "versions": {
            "pillow": PIL.__version__,
            "torchvision": torchvision.__version__.split("+")[0],
            "torch": torch.__version__.split("+")[0],
            "libjpeg_turbo": features.version("libjpeg_turbo"),
        },
        "size": SIZE,
        "tolerance": {"mean": 0.5, "max": 4},
        "cases": [write_case(case) for case in cases()],
        "normalised": normalised(),
    }
    (FOLDER / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
