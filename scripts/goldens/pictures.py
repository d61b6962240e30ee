"""Synthetic pictures by formula: a scene and two illustrated faces, in any size.

They hold what decoders and resamplers get wrong: saturated edges (chroma upsampling), stripes near
the pixel grid (the width of the filter), smooth shades (rounding) and texture.
"""

import math
from typing import NamedTuple

import numpy as np
from formula import uniform
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.float64]
Colour = tuple[int, int, int]

WHITE: Colour = (250, 248, 244)
INK: Colour = (24, 20, 26)


class Look(NamedTuple):
    name: str
    backdrop: tuple[Colour, Colour]
    skin: Colour
    hair: Colour
    iris: Colour
    lips: Colour
    smile: float


HAPPY = Look(
    "happy", ((40, 120, 190), (190, 225, 240)), (236, 188, 160), (60, 34, 22), (40, 130, 70),
    (196, 30, 52), 0.10,
)  # fmt: skip
SAD = Look(
    "sad", ((210, 60, 30), (250, 200, 60)), (142, 92, 66), (18, 16, 20), (70, 44, 24),
    (120, 20, 40), -0.06,
)  # fmt: skip


class Canvas:
    """RGB in 0..255 over coordinates that run from 0 to 1; edges are one pixel soft."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.x = np.broadcast_to((np.arange(width) + 0.5) / width, (height, width))
        self.y = np.broadcast_to(((np.arange(height) + 0.5) / height)[:, None], (height, width))
        self.rgb = np.zeros((height, width, 3))

    def gradient(self, top: Colour, bottom: Colour) -> None:
        self.rgb[:] = np.array(top) + self.y[..., None] * (np.array(bottom) - np.array(top))

    def paint(self, cover: Plane, colour: Colour) -> None:
        self.rgb += cover[..., None] * (np.array(colour) - self.rgb)

    def ellipse(self, cx: float, cy: float, rx: float, ry: float) -> Plane:
        distance = np.hypot((self.x - cx) / rx, (self.y - cy) / ry) - 1
        return np.clip(0.5 - distance * min(rx * self.width, ry * self.height), 0, 1)

    def curve(self, y: Plane, left: float, right: float, thickness: float) -> Plane:
        """A line at height y(x) from left to right."""
        inside = (self.x > left) & (self.x < right)
        distance = np.abs(self.y - y) - thickness
        return inside * np.clip(0.5 - distance * self.height, 0, 1)

    def texture(self, name: str, cells: int, strength: float) -> None:
        """Smooth noise: random values on a coarse grid, cubic between them."""
        values = uniform(f"pictures/{name}", cells * cells).reshape(cells, cells)
        grid = Image.fromarray(values.astype(np.float32))
        noise = np.asarray(grid.resize((self.width, self.height), Image.Resampling.BICUBIC))
        self.rgb += strength * noise[..., None]

    def image(self) -> Image.Image:
        return Image.fromarray(np.clip(np.rint(self.rgb), 0, 255).astype(np.uint8))


def face(look: Look, width: int, height: int) -> Image.Image:
    canvas = Canvas(width, height)
    canvas.gradient(*look.backdrop)
    canvas.paint(canvas.ellipse(0.5, 0.44, 0.40, 0.42), look.hair)
    canvas.paint(canvas.ellipse(0.5, 0.98, 0.14, 0.2), look.skin)
    canvas.paint(canvas.ellipse(0.5, 0.54, 0.31, 0.39), look.skin)
    # Light from the left.
    canvas.rgb *= (1.08 - 0.25 * canvas.x)[..., None]
    for cx in (0.37, 0.63):
        _eye(canvas, cx, look)
    canvas.paint(canvas.curve(0.64 + 0 * canvas.x, 0.46, 0.54, 0.008), look.hair)
    mouth = 0.76 + look.smile * (0.5 - ((canvas.x - 0.5) / 0.15) ** 2)
    canvas.paint(canvas.curve(mouth, 0.35, 0.65, 0.02), look.lips)
    canvas.texture(f"face/{look.name}", 48, 7)
    return canvas.image()


def _eye(canvas: Canvas, cx: float, look: Look) -> None:
    canvas.paint(canvas.ellipse(cx, 0.5, 0.075, 0.042), WHITE)
    canvas.paint(canvas.ellipse(cx, 0.5, 0.036, 0.036), look.iris)
    canvas.paint(canvas.ellipse(cx, 0.5, 0.016, 0.016), INK)
    outward = math.copysign(1, cx - 0.5)
    slope = 0.1 * outward * (canvas.x - cx)
    canvas.paint(canvas.curve(0.42 + slope, cx - 0.08, cx + 0.08, 0.012), look.hair)


def scene(width: int, height: int) -> Image.Image:
    canvas = Canvas(width, height)
    canvas.gradient((235, 240, 250), (20, 60, 40))
    canvas.paint(canvas.ellipse(0.3, 0.32, 0.2, 0.26), (230, 10, 20))
    canvas.paint(canvas.ellipse(0.42, 0.4, 0.16, 0.2), (10, 40, 235))
    canvas.paint(canvas.ellipse(0.74, 0.3, 0.15, 0.22), (20, 200, 60))
    canvas.paint(_stripes(canvas), INK)
    canvas.paint((canvas.x > 0.9) & (canvas.y < 0.5), (255, 230, 0))
    canvas.paint((canvas.x > 0.9) & (canvas.y >= 0.5), (255, 0, 200))
    canvas.texture(f"scene/{width}x{height}", min(width, height) // 4, 9)
    return canvas.image()


def _stripes(canvas: Canvas) -> Plane:
    """Rings that grow finer to the outside, from wide ones to about two pixels."""
    column, row = canvas.x * canvas.width, canvas.y * canvas.height
    radius = np.hypot(column - 0.45 * canvas.width, row - 0.8 * canvas.height)
    reach = 0.3 * min(canvas.width, canvas.height)
    rings = 0.5 + 0.5 * np.cos(math.pi * radius**2 / (2.2 * reach))
    return rings * (radius < reach)
