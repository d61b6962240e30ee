"""Writes what PyTorch computes to test/fixtures/goldens, for the TypeScript tests to be held to.

Weights and inputs follow formula.py and are not stored. PyTorch computes in float64 and results are
rounded to float32 once, so that the files are the same on every processor; how far PyTorch's own
float32 is from them is recorded beside the tolerances.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import formula
import networks as net
import numpy as np
import torch
from blocks import CASES, Case
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor, nn

OUT = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "goldens"
COTANGENT_RULE = formula.Rule(0.0, 1.0)

BLOCK_TOLERANCE = 1e-5
TINY_LOGIT_TOLERANCE = 1e-5
TINY_GRADIENT_TOLERANCE = 1e-3
FULL_TOLERANCE = 1e-4
# A parameter of size 1 is known to 6e-8 in float32.
ADAM_TOLERANCE = 1e-6
# Below this share of the largest gradient beside it, a float64 gradient is zero in exact arithmetic
# (such as that of a key's bias, to which softmax is blind): it has no size to measure errors by.
VANISHING = 1e-9

GRADIENT_SAMPLES = 64
STAGE_SAMPLES = 16
TINY_BATCH = 4
FULL_BATCH = 2
LEARNING_RATE = 1e-3

Arrays = dict[str, NDArray[Any]]


def save(name: str, arrays: Arrays, description: str, **metadata: Any) -> None:
    """One metadata key: the order of several is not fixed, and files should not differ."""
    about = {
        "description": description,
        "formula": formula.FORMULA_VERSION,
        "torch": torch.__version__.split("+")[0],
        "precision": "computed in float64, stored as float32",
        **metadata,
    }
    OUT.mkdir(parents=True, exist_ok=True)
    contiguous = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
    path = OUT / f"{name}.safetensors"
    save_file(contiguous, path, {"golden": json.dumps(about)})
    path.chmod(0o644)


def to_array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().to(torch.float32).numpy()


def from_array(array: NDArray[Any], dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(array).to(dtype)


def set_formula_weights(module: nn.Module, namespace: str = "") -> None:
    """Sets all weights and statistics; integer buffers follow from shapes and stay."""
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            array = formula.formula_weight(name, tuple(tensor.shape), namespace)
            tensor.copy_(torch.from_numpy(array))


def as_list(value: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else list(value)


def group_error(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """The worst of a group: largest difference over largest magnitude, of each tensor.

    A tensor that vanishes is measured by the largest magnitude of the group.
    """
    sizes = {name: tensor.abs().max().item() for name, tensor in expected.items()}
    largest = max(sizes.values())

    def error(name: str) -> float:
        size = sizes[name] if sizes[name] > VANISHING * largest else largest
        return (actual[name].double() - expected[name]).abs().max().item() / size

    return max(error(name) for name in expected)


def running_statistics(module: nn.Module) -> dict[str, Tensor]:
    return {
        name: tensor.clone() for name, tensor in module.state_dict().items() if "running_" in name
    }


# --- Formula -------------------------------------------------------------------------------------


def checksum(array: NDArray[np.float32]) -> int:
    """Σ bits · (2i + 1) modulo 2^32: sensitive to every bit and to the order."""
    bits = array.reshape(-1).view(np.uint32)
    odd = np.arange(bits.size, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return int((bits * odd).sum(dtype=np.uint64) % 2**32)


def write_formula() -> None:
    weights: dict[str, tuple[int, ...]] = {
        "ir_back.body1.0.res_layer.1.weight": (8, 4, 3, 3),
        "ir_back.body1.0.res_layer.2.weight": (8,),
        "ir_back.body1.0.res_layer.4.weight": (8,),
        "ir_back.body1.0.res_layer.4.running_mean": (8,),
        "ir_back.body1.0.res_layer.4.running_var": (8,),
        "face_landback.conv1.prelu.weight": (8,),
        "attn1.relative_position_bias_table": (9, 2),
        "ffn1.gamma1": (8,),
        "VIT.cls_token": (1, 1, 8),
        "vit.näme.bias": (8,),
    }
    arrays: Arrays = {name: formula.formula_weight(name, shape) for name, shape in weights.items()}
    arrays["images"] = formula.formula_images("images", 2, 8)
    large = {
        "large.weight": formula.formula_weight("large.weight", (500, 2000)),
        "large.images": formula.formula_images("large.images", 2, 224),
    }
    save(
        "formula",
        arrays,
        "values of tensors by formula, to be met bit for bit",
        shapes=weights,
        labels=formula.formula_labels(4, 7).tolist(),
        checksums={name: checksum(array) for name, array in large.items()},
        sampleIndices=formula.sample_indices("large.weight", 1_000_000, 16).tolist(),
    )


# --- Blocks --------------------------------------------------------------------------------------


def run_case(case: Case, dtype: torch.dtype) -> dict[str, dict[str, Tensor]]:
    """Outputs, gradients of Σ output · cotangent and running statistics, by name."""
    module = case.make().to(dtype).train(case.training)
    set_formula_weights(module, f"{case.name}/")
    rule = formula.Rule(0.0, case.input_scale)
    inputs = {
        f"input.{i}": from_array(
            formula.formula_tensor(f"{case.name}/input.{i}", shape, rule), dtype
        ).requires_grad_()
        for i, shape in enumerate(case.inputs)
    }
    outputs = as_list(module(*inputs.values()))
    loss = torch.zeros((), dtype=dtype)
    for i, output in enumerate(outputs):
        name = f"{case.name}/cotangent.{i}"
        cotangent = formula.formula_tensor(name, tuple(output.shape), COTANGENT_RULE)
        loss = loss + (output * from_array(cotangent, dtype)).sum()
    leaves = {**inputs, **dict(module.named_parameters())}
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    return {
        "output": {str(i): output.detach() for i, output in enumerate(outputs)},
        "gradient": dict(zip(leaves, gradients, strict=True)),
        "after": running_statistics(module) if case.training else {},
    }


def write_blocks() -> None:
    arrays: Arrays = {}
    cases: dict[str, Any] = {}
    for case in CASES:
        results = run_case(case, torch.float64)
        for group, tensors in results.items():
            for name, tensor in tensors.items():
                arrays[f"{case.name}/{group}/{name}"] = to_array(tensor)
        single = run_case(case, torch.float32)
        cases[case.name] = {
            "inputs": case.inputs,
            "training": case.training,
            "inputScale": case.input_scale,
            "gradientTolerance": case.gradient_tolerance,
            "float32Errors": {
                group: group_error(single[group], tensors)
                for group, tensors in results.items()
                if tensors
            },
        }
    save(
        "blocks",
        arrays,
        "outputs, gradients and updated running statistics of each block",
        tolerance=BLOCK_TOLERANCE,
        vanishing=VANISHING,
        cases=cases,
    )


# --- The tiny network ----------------------------------------------------------------------------


def sampled(name: str, tensor: Tensor, count: int) -> Tensor:
    flat = tensor.detach().reshape(-1)
    return flat[torch.from_numpy(formula.sample_indices(name, flat.numel(), count))]


def formula_network(config: net.NetworkConfig, dtype: torch.dtype) -> net.PosterV2:
    model = net.build(config).to(dtype)
    set_formula_weights(model)
    return model


def run_tiny(dtype: torch.dtype) -> dict[str, dict[str, Tensor]]:
    config = net.tiny_config(7)
    images = from_array(formula.formula_images("images", TINY_BATCH, config.input_size), dtype)
    labels = torch.from_numpy(formula.formula_labels(TINY_BATCH, config.num_classes))
    with torch.no_grad():
        stages = formula_network(config, dtype).eval()(images)

    model = formula_network(config, dtype).train()
    parameters = dict(model.named_parameters())
    optimizer = torch.optim.Adam(parameters.values(), lr=LEARNING_RATE)
    loss = net.btn_loss(model(images), labels)
    loss.backward()
    optimizer.step()
    gradients = {name: parameter.grad for name, parameter in parameters.items()}
    return {
        "stage": stages,
        "loss": {"loss": loss.detach()},
        "gradient": {name: g for name, g in gradients.items() if g is not None},
        "parameter": {name: parameter.detach() for name, parameter in parameters.items()},
        "running": running_statistics(model),
    }


LOGITS = ("vit", "bt", "cba")


def epsilons(model: nn.Module) -> dict[str, float]:
    """Of each normalisation: too small to show in activations of size 1."""
    kinds = nn.BatchNorm2d | nn.LayerNorm
    return {name: m.eps for name, m in model.named_modules() if isinstance(m, kinds)}


def write_tiny() -> None:
    results, single = run_tiny(torch.float64), run_tiny(torch.float32)
    arrays: Arrays = {"loss": to_array(results["loss"]["loss"])}
    for name in LOGITS:
        arrays[f"logits/{name}"] = to_array(results["stage"][name])
    arrays |= stage_summaries(results["stage"], "")
    for group in ("gradient", "parameter", "running"):
        for name, tensor in results[group].items():
            arrays[f"{group}/{name}"] = to_array(sampled(name, tensor, GRADIENT_SAMPLES))
    gradients = results["gradient"]
    arrays["gradient_norms"] = to_array(torch.stack([g.norm() for g in gradients.values()]))
    arrays["gradient_maxima"] = to_array(torch.stack([g.abs().max() for g in gradients.values()]))
    logits, single_logits = (
        {name: run["stage"][name] for name in LOGITS} for run in (results, single)
    )
    save(
        "tiny_btn_7",
        arrays,
        "the tiny BTN: inference, loss, gradients, running statistics, one step of Adam",
        tolerance=TINY_LOGIT_TOLERANCE,
        gradientTolerance=TINY_GRADIENT_TOLERANCE,
        vanishing=VANISHING,
        batch=TINY_BATCH,
        samples=GRADIENT_SAMPLES,
        stageSamples=STAGE_SAMPLES,
        learningRate=LEARNING_RATE,
        gradientNames=list(gradients),
        epsilons=epsilons(net.build(net.tiny_config(7))),
        float32Errors={
            "logits": group_error(single_logits, logits),
            "loss": group_error(single["loss"], results["loss"]),
            "gradient": group_error(single["gradient"], gradients),
            "running": group_error(single["running"], results["running"]),
        },
    )


# --- Full size -----------------------------------------------------------------------------------


def stage_summaries(stages: dict[str, Tensor], prefix: str) -> Arrays:
    """Mean, largest magnitude and some elements of what lies before the logits."""
    arrays: Arrays = {}
    for name, tensor in stages.items():
        if name in LOGITS:
            continue
        summary = torch.stack([tensor.mean(), tensor.abs().max()])
        arrays[f"{prefix}stage/{name}/summary"] = to_array(summary)
        arrays[f"{prefix}stage/{name}/samples"] = to_array(sampled(name, tensor, STAGE_SAMPLES))
    return arrays


def run_full(config: net.NetworkConfig, dtype: torch.dtype) -> dict[str, Tensor]:
    model = formula_network(config, dtype).eval()
    images = from_array(formula.formula_images("images", FULL_BATCH, config.input_size), dtype)
    with torch.no_grad():
        return model(images)


def network_checksum(config: net.NetworkConfig) -> int:
    """Of all weights by formula, to tell a wrong weight from a wrong computation."""
    total = 0
    for name, tensor in net.build(config).state_dict().items():
        if tensor.is_floating_point():
            total += checksum(formula.formula_weight(name, tuple(tensor.shape)))
    return total % 2**32


PARAMETER_COUNTS = {"poster_v2_7": 43_753_941, "btn_7": 45_058_787}


def write_full() -> None:
    arrays: Arrays = {}
    networks: dict[str, Any] = {}
    for num_classes in (7, 8):
        for kind in ("poster_v2", "btn"):
            name = f"{kind}_{num_classes}"
            config = net.full_config(num_classes, with_btn=kind == "btn")
            count = net.count_parameters(net.build(config))
            expected = PARAMETER_COUNTS.get(name, count)
            assert count == expected, f"{name} has {count} parameters, not {expected}"
            double, single = run_full(config, torch.float64), run_full(config, torch.float32)
            outputs = [output for output in LOGITS if output in double]
            for output in outputs:
                arrays[f"{name}/logits/{output}"] = to_array(double[output])
            arrays |= stage_summaries(double, f"{name}/")
            networks[name] = {
                "parameters": count,
                "checksum": network_checksum(config),
                "float32Errors": {n: group_error({n: single[n]}, {n: double[n]}) for n in outputs},
            }
    save(
        "full",
        arrays,
        "inference of the networks at full size: logits, and summaries of stages for diagnosis",
        tolerance=FULL_TOLERANCE,
        batch=FULL_BATCH,
        stageSamples=STAGE_SAMPLES,
        networks=networks,
    )


# --- Adam ----------------------------------------------------------------------------------------

ADAM_SHAPES: dict[str, tuple[int, ...]] = {
    "conv.weight": (6, 4, 3, 3),
    "norm.weight": (16,),
    "mlp.fc1.weight": (48, 12),
}
ADAM_STEPS = 3


def write_adam() -> None:
    """Gradients by formula, one scale per step, so that moments are told from gradients."""
    parameters = {
        name: nn.Parameter(from_array(formula.formula_weight(name, shape), torch.float64))
        for name, shape in ADAM_SHAPES.items()
    }
    optimizer = torch.optim.Adam(parameters.values(), lr=LEARNING_RATE)
    arrays: Arrays = {}
    for step in range(1, ADAM_STEPS + 1):
        for name, parameter in parameters.items():
            rule = formula.Rule(0.0, 10.0 ** (step - 2))
            gradient = formula.formula_tensor(f"step.{step}/{name}", parameter.shape, rule)
            parameter.grad = from_array(gradient, torch.float64)
        optimizer.step()
        for name, parameter in parameters.items():
            arrays[f"{step}/{name}"] = to_array(parameter)
    save(
        "adam",
        arrays,
        "parameters after each step of Adam; gradients are uniform, of scale 10^(step - 2)",
        tolerance=ADAM_TOLERANCE,
        learningRate=LEARNING_RATE,
        steps=ADAM_STEPS,
        shapes=ADAM_SHAPES,
    )


SAM_RHO = {"sam": 0.05, "asam": 0.5}


def write_sam() -> None:
    """Loss sum(a w^2 / 2 + b w^4 / 4), whose gradient depends on where it is taken."""
    arrays: Arrays = {}
    for kind, rho in SAM_RHO.items():
        parameters = {
            name: nn.Parameter(from_array(formula.formula_weight(name, shape), torch.float64))
            for name, shape in ADAM_SHAPES.items()
        }
        optimizer = torch.optim.Adam(parameters.values(), lr=LEARNING_RATE)
        for step in range(1, ADAM_STEPS + 1):
            optimizer.zero_grad()
            quartic_loss(parameters).backward()
            before = {name: parameter.detach().clone() for name, parameter in parameters.items()}
            climb(parameters, rho, adaptive=kind == "asam")
            optimizer.zero_grad()
            quartic_loss(parameters).backward()
            with torch.no_grad():
                for name, parameter in parameters.items():
                    parameter.copy_(before[name])
            optimizer.step()
            for name, parameter in parameters.items():
                arrays[f"{kind}.{step}/{name}"] = to_array(parameter)
                arrays[f"{kind}.{step}.gradients/{name}"] = to_array(parameter.grad)
    save(
        "sam",
        arrays,
        "gradients nearby and parameters after each step of SAM and of adaptive SAM around Adam",
        tolerance=ADAM_TOLERANCE,
        learningRate=LEARNING_RATE,
        steps=ADAM_STEPS,
        shapes=ADAM_SHAPES,
        rho=SAM_RHO,
    )


def quartic_loss(parameters: dict[str, nn.Parameter]) -> Tensor:
    loss = torch.zeros((), dtype=torch.float64)
    for name, w in parameters.items():
        a, b = (
            from_array(
                formula.formula_tensor(f"{part}/{name}", w.shape, formula.Rule(1.0, 0.5)),
                torch.float64,
            )
            for part in ("a", "b")
        )
        loss = loss + (a * w**2 / 2 + b * w**4 / 4).sum()
    return loss


@torch.no_grad()
def climb(parameters: dict[str, nn.Parameter], rho: float, *, adaptive: bool) -> None:
    weights = list(parameters.values())
    slopes = [w.grad * w.abs() if adaptive else w.grad for w in weights]
    scale = rho / (torch.stack([slope.norm() for slope in slopes]).norm() + 1e-12)
    for w, slope in zip(weights, slopes, strict=True):
        w.add_(slope * w.abs() * scale if adaptive else slope * scale)


OPTIMIZERS = {
    "adam_l2": lambda p: torch.optim.Adam(p, lr=LEARNING_RATE, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=LEARNING_RATE, weight_decay=0.1),
    "sgd": lambda p: torch.optim.SGD(p, lr=LEARNING_RATE, weight_decay=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=LEARNING_RATE, momentum=0.9, weight_decay=0.1),
    "nesterov": lambda p: torch.optim.SGD(p, lr=LEARNING_RATE, momentum=0.9, nesterov=True),
    "clipped": lambda p: torch.optim.SGD(p, lr=LEARNING_RATE, momentum=0.9),
}
# Between the norms of the first two of the gradients.
CLIP_NORM = 5.0


def write_optimizers() -> None:
    """Gradients by formula, as Adam's."""
    arrays: Arrays = {}
    for kind, make in OPTIMIZERS.items():
        parameters = {
            name: nn.Parameter(from_array(formula.formula_weight(name, shape), torch.float64))
            for name, shape in ADAM_SHAPES.items()
        }
        optimizer = make(parameters.values())
        for step in range(1, ADAM_STEPS + 1):
            for name, parameter in parameters.items():
                rule = formula.Rule(0.0, 10.0 ** (step - 2))
                gradient = formula.formula_tensor(f"step.{step}/{name}", parameter.shape, rule)
                parameter.grad = from_array(gradient, torch.float64)
            if kind == "clipped":
                norm = nn.utils.clip_grad_norm_(parameters.values(), CLIP_NORM)
                assert (norm > CLIP_NORM) == (step > 1)
            optimizer.step()
            for name, parameter in parameters.items():
                arrays[f"{kind}.{step}/{name}"] = to_array(parameter)
    save(
        "optimizers",
        arrays,
        "parameters after each step of an optimizer; gradients are those of adam",
        tolerance=ADAM_TOLERANCE,
        learningRate=LEARNING_RATE,
        steps=ADAM_STEPS,
        shapes=ADAM_SHAPES,
        weightDecay=0.1,
        momentum=0.9,
        clipNorm=CLIP_NORM,
    )


SCHEDULE = {"epochs": 12, "steps": 5, "decay": 0.7, "decayEpochs": 3, "warmupEpochs": 2}


def write_schedules() -> None:
    """Warm-up step by step, then a scheduler that steps with each epoch."""
    schedulers = torch.optim.lr_scheduler
    epochs, steps, decay, decay_epochs, warmup_epochs = SCHEDULE.values()
    arrays: Arrays = {}
    for warmup in (0, warmup_epochs):
        for kind, make in {
            "exponential": lambda o: schedulers.ExponentialLR(o, decay),
            "cosine": lambda o, t=epochs - warmup: schedulers.CosineAnnealingLR(o, t),
            "step": lambda o: schedulers.StepLR(o, decay_epochs, decay),
            "constant": lambda o: schedulers.ConstantLR(o, 1.0),
        }.items():
            rates: list[float] = []
            if warmup:
                optimizer = torch.optim.SGD([torch.zeros(1)], lr=LEARNING_RATE)
                count = warmup * steps
                linear = schedulers.LinearLR(optimizer, 1 / count, total_iters=count - 1)
                for _ in range(count):
                    rates.append(optimizer.param_groups[0]["lr"])
                    optimizer.step()
                    linear.step()
            optimizer = torch.optim.SGD([torch.zeros(1)], lr=LEARNING_RATE)
            scheduler = make(optimizer)
            for _ in range(epochs - warmup):
                rates += [optimizer.param_groups[0]["lr"]] * steps
                optimizer.step()
                scheduler.step()
            arrays[f"{kind}.{warmup}/rates"] = np.array(rates, np.float32)
    save(
        "schedules",
        arrays,
        "learning rate of each step: linear warm-up, then one of PyTorch's schedulers by epoch",
        tolerance=ADAM_TOLERANCE,
        learningRate=LEARNING_RATE,
        **SCHEDULE,
    )


LOSS_SHAPE = (9, 5)
CLASS_WEIGHTS = [0.5, 2.0, 1.0, 0.0, 1.25]


def write_loss() -> None:
    arrays: Arrays = {}
    rule = formula.Rule(0.0, 4.0)
    labels = torch.from_numpy(formula.formula_labels(*LOSS_SHAPE))
    for weighted in (False, True):
        for smoothing in (0.0, 0.1, 0.6):
            logits = from_array(formula.formula_tensor("logits", LOSS_SHAPE, rule), torch.float64)
            logits.requires_grad_()
            weight = torch.tensor(CLASS_WEIGHTS, dtype=torch.float64) if weighted else None
            loss = nn.CrossEntropyLoss(weight, label_smoothing=smoothing)(logits, labels)
            loss.backward()
            case = f"{'weighted' if weighted else 'plain'}.{smoothing:g}"
            arrays[f"{case}/loss"] = to_array(loss.reshape(1))
            arrays[f"{case}/gradient"] = to_array(logits.grad)
    save(
        "loss",
        arrays,
        "cross-entropy with class weights and label smoothing, and its gradient",
        tolerance=BLOCK_TOLERANCE,
        shape=LOSS_SHAPE,
        classWeights=CLASS_WEIGHTS,
    )


WRITERS = {
    "formula": write_formula,
    "blocks": write_blocks,
    "tiny": write_tiny,
    "full": write_full,
    "adam": write_adam,
    "sam": write_sam,
    "optimizers": write_optimizers,
    "schedules": write_schedules,
    "loss": write_loss,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", choices=[[], *WRITERS], help="default: all")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in arguments.only or WRITERS:
        WRITERS[name]()


if __name__ == "__main__":
    main()
