"""Small cases, one for each block: a module, its inputs and whether it trains."""

from collections.abc import Callable
from dataclasses import dataclass

import networks as net
import torch
from torch import Tensor, nn
from torch.nn import Module, Parameter

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[], Module]
    inputs: tuple[Shape, ...]
    training: bool = False
    # Inputs are uniform in [-scale, scale).
    input_scale: float = 1.5
    # Of gradients, relative; of outputs it is 1e-5 throughout.
    gradient_tolerance: float = 1e-5


class Named(Module):
    """Gives a module the path that it has in the whole network."""

    def __init__(self, name: str, module: Module) -> None:
        super().__init__()
        self.add_module(name, module)
        self.name = name

    def forward(self, *inputs: Tensor) -> Tensor | list[Tensor]:
        return self.get_submodule(self.name)(*inputs)


class LastMap(Named):
    def forward(self, *inputs: Tensor) -> Tensor:
        return self.get_submodule(self.name)(*inputs)[-1]


class ClassToken(Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.cls_token = Parameter(torch.zeros(1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)


class PositionEmbedding(Module):
    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.pos_embed = Parameter(torch.zeros(1, tokens, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pos_embed


class LayerScale(Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma1 = Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.gamma1 * x


class Subsample(Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, ::2, ::2]


def conv(kernel: int, stride: int, padding: int, *, bias: bool) -> Callable[[], Module]:
    return lambda: Named("conv", nn.Conv2d(4, 6, kernel, stride, padding, bias=bias))


def depthwise(stride: int) -> Callable[[], Module]:
    return lambda: Named("conv", nn.Conv2d(6, 6, 3, stride, 1, groups=6, bias=False))


def batch_norm() -> Module:
    return Named("bn", nn.BatchNorm2d(5))


def layer_norm(epsilon: float) -> Callable[[], Module]:
    return lambda: Named("norm", nn.LayerNorm(16, eps=epsilon))


def ir_units(
    widths: net.Triple, depths: net.Triple, mode: net.IrMode = "ir"
) -> Callable[[], Module]:
    return lambda: LastMap("ir_back", net.Ir50(widths, depths, mode))


def mobile_face_net() -> Module:
    return Named("face_landback", net.MobileFaceNet((4, 6, 8), (1, 1, 1)))


IMAGES = (3, 3, 12, 12)
# So small a variance that the ε of a normalisation counts.
SMALL = 0.01

CASES = [
    Case("conv_bias", conv(3, 1, 1, bias=True), ((2, 4, 7, 7),)),
    Case("conv_stride_2", conv(3, 2, 1, bias=False), ((2, 4, 8, 8),)),
    Case("conv_stride_2_odd", conv(3, 2, 1, bias=True), ((2, 4, 7, 7),)),
    Case("conv_1x1_stride_2", conv(1, 2, 0, bias=False), ((2, 4, 8, 8),)),
    Case("depthwise", depthwise(1), ((2, 6, 7, 7),)),
    Case("depthwise_stride_2", depthwise(2), ((2, 6, 8, 8),)),
    Case("batch_norm_eval", batch_norm, ((3, 5, 6, 6),)),
    Case("batch_norm_train", batch_norm, ((3, 5, 6, 6),), training=True),
    Case("batch_norm_epsilon", batch_norm, ((3, 5, 6, 6),), training=True, input_scale=SMALL),
    Case("prelu", lambda: Named("prelu", nn.PReLU(5)), ((2, 5, 6, 6),)),
    Case("subsample", Subsample, ((2, 3, 8, 8),)),
    Case("subsample_odd", Subsample, ((2, 3, 7, 7),)),
    Case("squeeze_excite", lambda: Named("se", net.SqueezeExcite(32)), ((2, 32, 5, 5),)),
    Case("ir_unit_pooled_eval", ir_units((8, 8, 8), (1, 0, 0)), (IMAGES,)),
    Case("ir_unit_pooled", ir_units((8, 8, 8), (1, 0, 0)), (IMAGES,), training=True),
    Case("ir_unit_identity", ir_units((8, 8, 8), (2, 0, 0)), (IMAGES,), training=True),
    Case("ir_unit_projected", ir_units((8, 12, 12), (0, 1, 0)), (IMAGES,), training=True),
    Case("ir_se_unit", ir_units((32, 32, 32), (1, 0, 0), "ir_se"), (IMAGES,), training=True),
    Case("mobile_face_net_eval", mobile_face_net, ((3, 3, 32, 32),)),
    # BN behind a depthwise convolution takes the scale of the BN before it out again. What is left
    # of that scale's gradient is a difference of numbers 300 times its size.
    Case(
        "mobile_face_net",
        mobile_face_net,
        ((3, 3, 32, 32),),
        training=True,
        gradient_tolerance=1e-4,
    ),
    Case("layer_norm_1e-5", layer_norm(1e-5), ((2, 9, 16),), input_scale=SMALL),
    Case("layer_norm_1e-6", layer_norm(1e-6), ((2, 9, 16),), input_scale=SMALL),
    Case("mlp", lambda: Named("mlp", net.Mlp(12)), ((2, 5, 12),)),
    Case(
        "landmark_attention",
        lambda: Named("attn", net.LandmarkAttention(16, 4, 4)),
        ((2, 16, 16), (2, 16, 16)),
    ),
    Case("layer_scale", lambda: LayerScale(16), ((2, 9, 16),)),
    Case("class_token", lambda: ClassToken(16), ((2, 9, 16),)),
    Case("position_embedding", lambda: PositionEmbedding(9, 16), ((2, 9, 16),)),
    Case("self_attention", lambda: Named("attn", net.SelfAttention(16, 4)), ((2, 9, 16),)),
    Case(
        "transformer_block",
        lambda: Named("block", net.TransformerBlock(16, 4)),
        ((2, 9, 16),),
        input_scale=SMALL,
    ),
    Case("feature_gate", lambda: Named("se_block", net.FeatureGate(16)), ((3, 16),)),
    Case(
        "multi_level_attention",
        lambda: Named("mla", net.MultiLevelAttention(12, 16, 4)),
        ((2, 5, 16), (2, 4, 16), (2, 3, 16)),
    ),
    Case("channel_encoding", net.ChannelPositionalEncoding, ((3, 5, 7), (3, 5, 7))),
    Case(
        "channel_encoding_learned",
        lambda: Named("encoding", net.LearnedChannelEncoding(5, 7)),
        ((3, 5, 7), (3, 5, 7)),
    ),
    Case("class_batch_attention", net.ClassBatchAttention, ((4, 5, 7), (4, 5, 7), (4, 5))),
    Case("batch_transformer", net.BatchTransformer, ((4, 5, 7), (4, 5, 7), (4, 5))),
]
