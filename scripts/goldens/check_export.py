"""A model from TensorFlow.js in PyTorch: loads it strictly, prints its logits, saves it as .pth.

Usage: python scripts/goldens/check_export.py MODEL.safetensors BATCH OUT.pth
"""

import json
import sys

import torch
from safetensors.torch import load_file

import networks
from formula import formula_images


def main(path: str, batch: int, out: str) -> None:
    state_dict = load_file(path)
    num_classes, width = state_dict["VIT.head.linear.weight"].shape
    full = width == networks.full_config(num_classes, with_btn=True).width
    config = (
        networks.full_config(num_classes, with_btn=True)
        if full
        else networks.tiny_config(num_classes)
    )
    network = networks.build(config).eval()
    network.load_state_dict(state_dict, strict=True)
    images = torch.from_numpy(formula_images("images", batch, config.input_size))
    with torch.no_grad():
        outputs = network(images)
    print(json.dumps({name: outputs[name].tolist() for name in ("vit", "bt", "cba")}))
    torch.save(network.state_dict(), out)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
