"""Writes ir50.onnx and btn_forward.onnx, for one image, with the weights of pytorch.py, into a folder.

Run: `python bench/peers/export_onnx.py DIR`. Needs scripts/goldens/requirements.txt and
bench/peers/requirements.txt.
"""

import contextlib
import pathlib
import sys

import torch
from pytorch import images_of, network_of
from torch import Tensor, nn


class LastMap(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)[-1]


class Logits(LastMap):
    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)["vit"]


def main(folder: pathlib.Path) -> None:
    with torch.no_grad():
        cases = {
            "ir50": (LastMap(network_of(with_btn=False).ir_back), images_of(1, 112)),
            "btn_forward": (Logits(network_of(with_btn=True)), images_of(1, 224)),
        }
    for name, (network, images) in cases.items():
        torch.onnx.export(
            network.eval(),
            (images,),
            folder / f"{name}.onnx",
            input_names=["images"],
            output_names=["output"],
            external_data=False,
            dynamo=True,
        )


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        main(pathlib.Path(sys.argv[1]))
