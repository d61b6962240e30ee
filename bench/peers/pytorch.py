"""PyTorch's side of bench/networks.ts: reads `CASE BATCH` from each line of stdin, answers with seconds.

One thread. CASE is ir50, btn_forward or btn_step. Needs scripts/goldens/requirements.txt.
"""

import pathlib
import sys
import time
from collections.abc import Callable

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts" / "goldens"))

import networks  # noqa: E402

torch.set_num_threads(1)


def ir50(batch: int) -> Callable[[], object]:
    network = networks.build(networks.full_config(7, with_btn=False)).ir_back.eval()
    images = torch.randn(batch, 3, 112, 112)
    return lambda: network(images)


def btn_forward(batch: int) -> Callable[[], object]:
    network = networks.build(networks.full_config(7, with_btn=True)).eval()
    images = torch.randn(batch, 3, 224, 224)
    return lambda: network(images)


def btn_step(batch: int) -> Callable[[], object]:
    network = networks.build(networks.full_config(7, with_btn=True)).train()
    network.face_landback.requires_grad_(False).eval()
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(learned, lr=1e-5)
    images = torch.randn(batch, 3, 224, 224)
    labels = torch.arange(batch) % 7

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        networks.btn_loss(network(images), labels).backward()
        optimizer.step()

    return step


CASES = {"ir50": ir50, "btn_forward": btn_forward, "btn_step": btn_step}


def main() -> None:
    print(f"PyTorch {torch.__version__}", flush=True)
    runs: dict[str, Callable[[], object]] = {}
    for line in sys.stdin:
        name, batch = line.split()
        if line not in runs:
            runs = {line: CASES[name](int(batch))}
        with torch.set_grad_enabled(name == "btn_step"):
            start = time.perf_counter()
            runs[line]()
            print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
