"""torchvision's side of bench/images.ts: `FILE COPIES` on stdin, answers with processor seconds an image.

Decodes with PIL, resizes, flips, normalises and erases as the authors train. One thread.
"""

import sys
import time

import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms

torch.set_num_threads(1)
PREPARE = transforms.Compose(
    [
        transforms.Resize((224, 224)),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        transforms.RandomErasing(p=0.5, scale=(0.02, 0.1)),
    ]
)


def prepare(path: str) -> torch.Tensor:
    with Image.open(path) as image:
        return PREPARE(image.convert("RGB"))


def main() -> None:
    print(f"torchvision {torchvision.__version__}, Pillow {PIL.__version__}", flush=True)
    for line in sys.stdin:
        path, copies = line.rsplit(" ", 1)
        start = time.process_time()
        for _ in range(int(copies)):
            prepare(path)
        print((time.process_time() - start) / int(copies), flush=True)


if __name__ == "__main__":
    main()
