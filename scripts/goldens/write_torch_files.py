"""Writes test/fixtures/torch: files of torch.save, and what torch.load finds in them.

    python -m pip install -r scripts/goldens/requirements.txt
    python scripts/goldens/write_torch_files.py

In expected.json, each file has the tensors of its state dict, as dtype, shape and the bytes of the
elements in row-major order in hexadecimal, or the code of the error that it must give. All but the
files that are damaged on purpose are read back with torch.load before they are described.
"""

import argparse
import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

FOLDER = Path(__file__).resolve().parents[2] / "test/fixtures/torch"

expected: dict[str, Any] = {}


class RecorderMeter:
    """As training scripts copy it from one another: NumPy arrays in a class of `__main__`."""

    def __init__(self, epochs: int) -> None:
        self.total_epoch = epochs
        self.epoch_losses = np.zeros((epochs, 2), dtype=np.float32) - 1
        self.epoch_accuracy = np.zeros((epochs, 2), dtype=np.float32)
        self.best = np.float64(0.5)


class Subclass(Tensor):
    pass


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


def ramp(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    count = int(np.prod(shape))
    return (torch.arange(count) - 1).to(dtype).reshape(shape)


def net_state() -> OrderedDict[str, Tensor]:
    state = Net().state_dict()
    for name, tensor in state.items():
        state[name] = ramp(*tensor.shape, dtype=tensor.dtype) / 4 if tensor.ndim else tensor + 7
    return state


def describe(state: dict[str, Any]) -> dict[str, Any]:
    tensors = {}
    for name, tensor in state.items():
        if not isinstance(tensor, Tensor):
            continue
        flat = tensor.detach().clone(memory_format=torch.contiguous_format).reshape(-1)
        tensors[name] = {
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "hex": flat.view(torch.uint8).numpy().tobytes().hex(),
        }
    return tensors


def note(file: str, state: dict[str, Any]) -> None:
    expected[file] = {"tensors": describe(state)}


def plain(value: Any) -> Any:
    return value


def save(
    file: str, value: Any, find: Callable[[Any], dict[str, Any]] = plain, **options: Any
) -> None:
    torch.save(value, FOLDER / file, **options)
    note(file, find(torch.load(FOLDER / file, map_location="cpu", weights_only=False)))


def refuse(file: str, code: str, value: Any = None, **options: Any) -> None:
    if value is not None:
        torch.save(value, FOLDER / file, **options)
    expected[file] = {"code": code}


LEGACY = {"_use_new_zipfile_serialization": False}

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64,
    torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
]  # fmt: skip


def every_dtype() -> dict[str, Tensor]:
    tensors = {}
    for dtype in DTYPES:
        name = str(dtype).removeprefix("torch.")
        tensors[name] = ramp(2, 3, dtype=dtype)
        tensors[f"{name}.scalar"] = torch.tensor(1).to(dtype)
        tensors[f"{name}.turned"] = ramp(2, 3, dtype=dtype).t()
    tensors["float32.special"] = torch.tensor([np.nan, np.inf, -np.inf, -0.0, 1e-45])
    return tensors


def views() -> dict[str, Any]:
    base = ramp(4, 6)
    flat = ramp(24, dtype=torch.int64)
    return {
        "whole": base,
        "row": base[2],
        "rows": base[1:3],
        "column": base[:, 4],
        "block": base[1:3, 2:5],
        "turned": base.t(),
        "every_other": flat[1::2],
        "turned_twice": flat.reshape(2, 3, 4).permute(2, 0, 1),
        "channels_last": ramp(2, 3, 2, 2).to(memory_format=torch.channels_last),
        "expanded": torch.tensor([3.0]).expand(2, 5),
        "expanded_rows": torch.tensor([[1.0], [2.0]]).expand(2, 3),
        "one": base[1:2, 3:4].t(),
        "scalar": base[3, 5],
        "empty": torch.zeros(0, 3),
        "empty_view": base[4:, :],
        "again": base,
        "parameter": nn.Parameter(base[:2]),
    }


def odd_values() -> dict[str, Any]:
    """A state dict with what may be left out, and tensors wrapped in other ways."""
    named = nn.Parameter(ramp(2))
    named.is_special = True
    state = OrderedDict(weight=ramp(2, 2), steps=3, ratio=0.5, nothing=None, flag=True)
    state["big"] = 2**70
    state["named"] = named
    state["subclass"] = ramp(3).as_subclass(Subclass)
    state["__proto__"] = ramp(1)
    state["constructor"] = ramp(2)
    state["Größe 大"] = ramp(1)
    state._metadata = OrderedDict({"": {"version": 1}})
    return state


def training_checkpoint() -> dict[str, Any]:
    parallel = nn.DataParallel(Net())
    optimizer = torch.optim.Adam(parallel.parameters(), lr=1e-3)
    parallel(torch.ones(2, 2, 1, 1)).sum().backward()
    optimizer.step()
    parallel.load_state_dict({f"module.{name}": tensor for name, tensor in net_state().items()})
    counts: defaultdict[str, int] = defaultdict(int)
    counts["happy"] += 2
    return {
        "epoch": 12,
        "state_dict": parallel.state_dict(),
        "best_acc": torch.tensor(91.5),
        "optimizer": optimizer.state_dict(),
        "recorder": RecorderMeter(3),
        "recorder1": RecorderMeter(2),
        "args": argparse.Namespace(lr=1e-3, data="faces", gpu=None),
        "counts": counts,
        "seen": {"a", "b"},
        "size": torch.Size([2, 3]),
        "device": torch.device("cuda", 1),
        "dtype": torch.float16,
        "bytes": b"\x00\xff",
        "words": ("one", ["two", 3.5, 2**80, -(2**40)]),
    }


def on_cuda(write: Callable[[], None]) -> None:
    with mock.patch("torch.serialization.location_tag", return_value="cuda:0"):
        write()


def rezip(
    source: str,
    file: str,
    change: Callable[[str, bytes], bytes | None] = lambda _, data: data,
    compression: int = zipfile.ZIP_STORED,
    folder: str | None = None,
) -> None:
    """Writes the entries of an archive anew, changed; those that become None are left out."""
    with zipfile.ZipFile(FOLDER / source) as old, zipfile.ZipFile(FOLDER / file, "w") as new:
        for name in old.namelist():
            inner = name.split("/", 1)[1]
            info = zipfile.ZipInfo(f"{folder}/{inner}" if folder else name)
            data = change(inner, old.read(name))
            if data is not None:
                new.writestr(info, data, compression)


def big_endian(state: dict[str, Tensor]) -> Callable[[str, bytes], bytes]:
    """The storages of `every_dtype`-like dicts, in order, each of one tensor."""
    sizes = {f"data/{i}": t.element_size() for i, t in enumerate(state.values())}

    def change(name: str, data: bytes) -> bytes:
        if name == "byteorder":
            return b"big"
        if name not in sizes:
            return data
        return np.frombuffer(data, np.uint8).reshape(-1, sizes[name])[:, ::-1].tobytes()

    return change


def legacy_view() -> None:
    """Storage views, which PyTorch has long ceased to write: a view_metadata that is not None."""

    class ViewPickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            if not isinstance(obj, torch.UntypedStorage):
                return None
            return ("storage", torch.FloatStorage, "7", "cpu", 6, ("8", 2, 3))

    values = ramp(6)
    tensor = ramp(3)

    class AsView:
        def __reduce__(self) -> Any:
            args = (tensor.untyped_storage(), 1, (2,), (1,), False, OrderedDict())
            return torch._utils._rebuild_tensor_v2, args

    buffer = io.BytesIO()
    for header in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(header, buffer, protocol=2)
    ViewPickler(buffer, protocol=2).dump({"view": AsView()})
    pickle.dump(["7"], buffer, protocol=2)
    buffer.write(struct.pack("<q", 6) + values.numpy().tobytes())
    file = "legacy_view.pth"
    (FOLDER / file).write_bytes(buffer.getvalue())
    note(file, torch.load(FOLDER / file, weights_only=False))


def tar() -> None:
    with tarfile.open(FOLDER / "tar.pth", "w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            data = pickle.dumps(name, protocol=2)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    refuse("tar.pth", "TarFile")


class Command:
    """A file of a stranger may ask for anything to be called."""

    def __reduce__(self) -> Any:
        import os

        return os.system, ("echo this must never run",)


def write_readable() -> None:
    for protocol in (2, 3, 4, 5):
        save(f"zip_protocol_{protocol}.pth", net_state(), pickle_protocol=protocol)
        save(f"legacy_protocol_{protocol}.pth", net_state(), pickle_protocol=protocol, **LEGACY)
    for format_name, options in (("zip", {}), ("legacy", LEGACY)):
        save(f"{format_name}_dtypes.pth", every_dtype(), **options)
        save(f"{format_name}_views.pth", views(), **options)
        save(f"{format_name}_odd_values.pth", odd_values(), **options)
        save(f"{format_name}_training.pth", training_checkpoint(), without_module, **options)
        save(f"{format_name}_small.pth", {"w": ramp(2), "n": torch.tensor(3)}, **options)
        on_cuda(lambda: save(f"{format_name}_cuda.pth", net_state(), **options))  # noqa: B023
    save("zip_training_5.pth", training_checkpoint(), without_module, pickle_protocol=5)
    for key in ("model_state_dict", "model", "net"):
        save(f"under_{key}.pth", {"epoch": 3, key: net_state()}, lambda value: value[key])  # noqa: B023
    nested = {"best_acc": torch.tensor(1.0), "model": {"state_dict": net_state(), "epoch": 3}}
    save("under_two.pth", nested, lambda value: value["model"]["state_dict"])
    save("module_in_part.pth", {"module.a": ramp(1), "b": ramp(2)})
    unsupported = {"state_dict": net_state(), "spectrum": ramp(2, dtype=torch.complex64)}
    unsupported["float8"] = ramp(2, dtype=torch.float8_e4m3fn)
    unsupported["sparse"] = ramp(2, 2).to_sparse()
    save("unsupported_beside.pth", unsupported, lambda value: value["state_dict"])
    legacy_view()
    straight = {n: t for n, t in every_dtype().items() if not n.endswith(".turned")}
    save("straight.pth", straight)
    rezip("straight.pth", "big_endian.pth", big_endian(straight))
    note("big_endian.pth", torch.load(FOLDER / "big_endian.pth"))
    rezip("straight.pth", "other_folder.pth", folder="any name at all")
    note("other_folder.pth", straight)


def without_module(checkpoint: dict[str, Any]) -> dict[str, Any]:
    return {n.removeprefix("module."): t for n, t in checkpoint["state_dict"].items()}


def write_refused() -> None:
    refuse("whole_module.pth", "WholeModule", Net())
    source = (["class Net(nn.Module): ..."], 1, "net.py")
    with mock.patch("torch.serialization.get_source_lines_and_file", return_value=source):
        refuse("whole_module_legacy.pth", "WholeModule", Net(), **LEGACY)
    refuse("whole_module_within.pth", "WholeModule", {"model": Net(), "epoch": 1})
    refuse("complex.pth", "UnsupportedDtype", {"a": ramp(2, dtype=torch.complex64)})
    refuse("uint16.pth", "UnsupportedDtype", {"a": ramp(2).abs().to(torch.uint16)})
    refuse("float8.pth", "UnsupportedDtype", {"a": ramp(2, dtype=torch.float8_e5m2)})
    refuse("sparse.pth", "UnsupportedTensor", {"a": ramp(2, 2).to_sparse(), "b": ramp(1)})
    quantized = torch.quantize_per_tensor(ramp(4), 0.5, 0, torch.qint8)
    refuse("quantized.pth", "UnsupportedTensor", {"a": quantized, "b": ramp(1)})
    meta = torch.zeros(2, device="meta")
    refuse("meta.pth", "UnsupportedTensor", {"a": meta, "b": ramp(1)})
    negative = torch.tensor([1 + 2j]).conj().imag
    assert negative.is_neg()
    refuse("negative_view.pth", "UnsupportedTensor", {"a": negative})
    refuse("numpy_in_place.pth", "InvalidStateDict", {"a": np.zeros(2), "b": ramp(1)})
    refuse("command_in_place.pth", "InvalidStateDict", {"a": Command(), "b": ramp(1)})
    refuse("list.pth", "NoStateDict", [ramp(1)])
    refuse("tensor.pth", "NoStateDict", ramp(1))
    refuse("no_tensors.pth", "NoStateDict", {"epoch": 1})
    # Beside a state dict, a command is a record like any other.
    torch.save({"state_dict": {"w": ramp(2)}, "run": Command()}, FOLDER / "command_beside.pth")
    note("command_beside.pth", {"w": ramp(2)})
    rezip("zip_small.pth", "compressed.pth", compression=zipfile.ZIP_DEFLATED)
    refuse("compressed.pth", "CompressedEntry")
    rezip("zip_small.pth", "bad_byteorder.pth",
          lambda name, data: b"middle" if name == "byteorder" else data)
    refuse("bad_byteorder.pth", "InvalidByteOrder")
    rezip("zip_small.pth", "short_storage.pth",
          lambda name, data: data[:-1] if name == "data/0" else data)
    refuse("short_storage.pth", "TruncatedStorage")
    torch.jit.save(torch.jit.script(nn.Linear(1, 1)), FOLDER / "with_paths.pt")
    rezip("with_paths.pt", "torch_script.pt",
          lambda name, data: None if name.startswith("code/") else data)
    (FOLDER / "with_paths.pt").unlink()
    refuse("torch_script.pt", "TorchScript")
    tar()


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    write_readable()
    write_refused()
    text = json.dumps(expected, indent=1, ensure_ascii=False)
    (FOLDER / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
