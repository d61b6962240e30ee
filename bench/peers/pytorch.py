"""PyTorch's side of bench/networks.ts, on the threads given: `python bench/peers/pytorch.py 1`.

Weights and images follow scripts/goldens/formula.py. Answers each line of stdin with one line:
`NETWORK BATCH` with the seconds it took, `NETWORK BATCH FILE` once the first output is in FILE, as
float32. NETWORK is ir50, btn_forward or btn_step. Needs scripts/goldens/requirements.txt.
"""

import pathlib
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts" / "goldens"))

import formula  # noqa: E402
import networks  # noqa: E402
from write_goldens import set_formula_weights  # noqa: E402


def network_of(*, with_btn: bool) -> networks.PosterV2:
    network = networks.build(networks.full_config(7, with_btn=with_btn))
    set_formula_weights(network)
    return network


def images_of(batch: int, size: int) -> Tensor:
    return torch.from_numpy(formula.formula_images("images", batch, size))


def ir50(batch: int) -> Callable[[], Tensor]:
    network = network_of(with_btn=False).ir_back.eval()
    images = images_of(batch, 112)
    return lambda: network(images)[-1]


def btn_forward(batch: int) -> Callable[[], Tensor]:
    network = network_of(with_btn=True).eval()
    images = images_of(batch, 224)
    return lambda: network(images)["vit"]


def btn_step(batch: int) -> Callable[[], Tensor]:
    network = network_of(with_btn=True).train()
    network.face_landback.requires_grad_(False).eval()
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(learned, lr=1e-5)
    images = images_of(batch, 224)
    labels = torch.from_numpy(formula.formula_labels(batch, 7))

    def step() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = networks.btn_loss(network(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


CASES = {"ir50": ir50, "btn_forward": btn_forward, "btn_step": btn_step}


def main() -> None:
    torch.set_num_threads(int(sys.argv[1]))
    print(f"PyTorch {torch.__version__.split('+')[0]}", flush=True)
    made: tuple[list[str], Callable[[], Tensor]] | None = None
    for line in sys.stdin:
        name, batch, *file = line.split()
        if made is None or made[0] != [name, batch]:
            with torch.no_grad():
                made = [name, batch], CASES[name](int(batch))
        with torch.set_grad_enabled(name == "btn_step"):
            start = time.perf_counter()
            output = made[1]()
            seconds = time.perf_counter() - start
        for path in file:
            output.contiguous().numpy().tofile(path)
        print(seconds, flush=True)


if __name__ == "__main__":
    main()
