"""POSTER V2 and the Batch Transformer Network in PyTorch, as a reference for numbers.

Written from the definitions that this library documents. Names of weights are those of public
POSTER V2 state dicts, without the modules that no forward pass uses.

POSTER V2: Mao et al., arXiv 2301.12149. BTN: Her et al., IEEE Access 13 (2025), arXiv 2407.04218.
Left out: stochastic depth, which inference does not have and the tiny network sets to 0.
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

Triple: TypeAlias = tuple[int, int, int]
IrMode: TypeAlias = Literal["ir", "ir_se"]


@dataclass(frozen=True)
class NetworkConfig:
    """The sizes of src/models/config.ts."""

    num_classes: int
    input_size: int
    backbone_size: int
    image_widths: Triple
    image_depths: Triple
    landmark_widths: Triple
    landmark_depths: Triple
    fusion_heads: Triple
    width: int
    depth: int
    num_heads: int
    mode: IrMode = "ir"
    with_btn: bool = True


def full_config(num_classes: int, *, with_btn: bool) -> NetworkConfig:
    return NetworkConfig(
        num_classes=num_classes,
        input_size=224,
        backbone_size=112,
        image_widths=(64, 128, 256),
        image_depths=(3, 4, 14),
        landmark_widths=(64, 128, 512),
        landmark_depths=(4, 6, 2),
        fusion_heads=(2, 4, 8),
        width=768,
        depth=2,
        num_heads=8,
        with_btn=with_btn,
    )


def tiny_config(num_classes: int) -> NetworkConfig:
    return NetworkConfig(
        num_classes=num_classes,
        input_size=112,
        backbone_size=56,
        image_widths=(8, 16, 32),
        image_depths=(1, 1, 2),
        landmark_widths=(8, 16, 64),
        landmark_depths=(1, 1, 1),
        fusion_heads=(1, 2, 4),
        width=64,
        depth=1,
        num_heads=8,
    )


def to_tokens(x: Tensor) -> Tensor:
    """[B, D, H, W] -> [B, H*W, D]"""
    return x.flatten(2).transpose(1, 2)


def to_heads(x: Tensor, num_heads: int) -> Tensor:
    """[B, N, D] -> [B, heads, N, D / heads]"""
    return x.unflatten(2, (num_heads, -1)).transpose(1, 2)


def from_heads(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | float = 0.0) -> Tensor:
    """softmax(q·kᵀ / sqrt(d) + bias)·v of [..., N, d]."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1]) + bias
    return scores.softmax(dim=-1) @ value


# --- IR-50 ---------------------------------------------------------------------------------------


class SqueezeExcite(nn.Module):
    """A gate on channels from their spatial means."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean(dim=(2, 3), keepdim=True)
        return x * self.fc2(self.fc1(pooled).relu()).sigmoid()


class IrUnit(nn.Module):
    """BN, conv, PReLU, conv of stride s, BN; plus every s-th pixel or a projection of them."""

    def __init__(self, inputs: int, outputs: int, stride: int, mode: IrMode = "ir") -> None:
        super().__init__()
        residual = [
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        if mode == "ir_se":
            residual.append(SqueezeExcite(outputs))
        self.res_layer = nn.Sequential(*residual)
        if inputs == outputs:
            self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)


class Ir50(nn.Module):
    """Stages 1 to 3, one map each."""

    def __init__(self, widths: Triple, depths: Triple, mode: IrMode = "ir") -> None:
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, 1, 1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.PReLU(widths[0]),
        )
        before = (widths[0], *widths[:2])
        self.body1, self.body2, self.body3 = (
            nn.Sequential(
                *(
                    IrUnit(inputs if i == 0 else outputs, outputs, 2 if i == 0 else 1, mode)
                    for i in range(depth)
                )
            )
            for inputs, outputs, depth in zip(before, widths, depths, strict=True)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        map1 = self.body1(self.input_layer(x))
        map2 = self.body2(map1)
        return [map1, map2, self.body3(map2)]


# --- MobileFaceNet -------------------------------------------------------------------------------


class ConvBlock(nn.Module):
    """Convolution without bias, BN and, unless linear, PReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        linear: bool = False,
    ) -> None:
        super().__init__()
        padding = kernel // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = None if linear else nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        return x if self.prelu is None else self.prelu(x)


class DepthwiseBlock(nn.Module):
    """1x1 to the hidden width, depthwise 3x3, linear 1x1; a residual where asked for."""

    def __init__(
        self, inputs: int, outputs: int, hidden: int, stride: int = 2, residual: bool = False
    ) -> None:
        super().__init__()
        self.conv = ConvBlock(inputs, hidden, 1)
        self.conv_dw = ConvBlock(hidden, hidden, 3, stride, groups=hidden)
        self.project = ConvBlock(hidden, outputs, 1, linear=True)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.conv_dw(self.conv(x)))
        return x + y if self.residual else y


class Residuals(nn.Module):
    def __init__(self, channels: int, hidden: int, count: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            *(DepthwiseBlock(channels, channels, hidden, 1, True) for _ in range(count))
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class MobileFaceNet(nn.Module):
    """Up to the last map before the embedding: three maps."""

    def __init__(self, widths: Triple, depths: Triple) -> None:
        super().__init__()
        low, mid, high = widths
        self.conv1 = ConvBlock(3, low, 3, 2)
        self.conv2_dw = ConvBlock(low, low, 3, 1, groups=low)
        self.conv_23 = DepthwiseBlock(low, low, 2 * low)
        self.conv_3 = Residuals(low, 2 * low, depths[0])
        self.conv_34 = DepthwiseBlock(low, mid, 2 * mid)
        self.conv_4 = Residuals(mid, 2 * mid, depths[1])
        self.conv_45 = DepthwiseBlock(mid, mid, 4 * mid)
        self.conv_5 = Residuals(mid, 2 * mid, depths[2])
        self.conv_6_sep = ConvBlock(mid, high, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        map1 = self.conv_3(self.conv_23(self.conv2_dw(self.conv1(x))))
        map2 = self.conv_4(self.conv_34(map1))
        return [map1, map2, self.conv_6_sep(self.conv_5(self.conv_45(map2)))]


# --- Fusion --------------------------------------------------------------------------------------


def relative_position_index(side: int) -> Tensor:
    """Row of the bias table for each pair (query, key) of a side x side map."""
    row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    row, column = row.flatten(), column.flatten()
    row_distance = row[:, None] - row[None, :] + side - 1
    column_distance = column[:, None] - column[None, :] + side - 1
    return row_distance * (2 * side - 1) + column_distance


class LandmarkAttention(nn.Module):
    """Unprojected landmark tokens ask, image tokens answer."""

    relative_position_index: Tensor

    def __init__(self, width: int, num_heads: int, side: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.relative_position_bias_table = nn.Parameter(
            torch.zeros((2 * side - 1) ** 2, num_heads)
        )
        self.register_buffer("relative_position_index", relative_position_index(side))
        self.qkv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, image: Tensor, landmarks: Tensor) -> Tensor:
        key, value = self.qkv(image).chunk(2, dim=2)
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)
        query, key, value = (to_heads(x, self.num_heads) for x in (landmarks, key, value))
        return self.proj(from_heads(attend(query, key, value, bias)))


class Mlp(nn.Module):
    def __init__(self, width: int, ratio: int = 4) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, ratio * width)
        self.fc2 = nn.Linear(ratio * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class FusionFeedForward(nn.Module):
    """Both scaled branches of a fusion level: what was attended, then the MLP."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma1 = nn.Parameter(torch.ones(width))
        self.gamma2 = nn.Parameter(torch.ones(width))
        self.mlp = Mlp(width)
        self.norm = nn.LayerNorm(width)

    def forward(self, attended: Tensor, shortcut: Tensor) -> Tensor:
        x = shortcut + self.gamma1 * attended
        return x + self.gamma2 * self.mlp(self.norm(x))


class WindowNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x)


class PatchProjection(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


# --- Classifier ----------------------------------------------------------------------------------


class SelfAttention(nn.Module):
    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (to_heads(y, self.num_heads) for y in self.qkv(x).chunk(3, dim=2))
        return self.proj(from_heads(attend(query, key, value)))


class TransformerBlock(nn.Module):
    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = SelfAttention(width, num_heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class FeatureGate(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, width)
        self.linear2 = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.linear2(self.linear1(x).relu()).sigmoid()


class Head(nn.Module):
    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


class VisionTransformer(nn.Module):
    def __init__(self, tokens: int, config: NetworkConfig) -> None:
        super().__init__()
        width = config.width
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens + 1, width))
        self.blocks = nn.Sequential(
            *(TransformerBlock(width, config.num_heads) for _ in range(config.depth))
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.se_block = FeatureGate(width)
        self.head = Head(width, config.num_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        first = self.cls_token.expand(len(tokens), -1, -1)
        x = torch.cat([first, tokens], dim=1) + self.pos_embed
        x = self.norm(self.blocks(x))
        return self.head(self.se_block(x[:, 0]))


# --- BTN -----------------------------------------------------------------------------------------


class MultiLevelAttention(nn.Module):
    """The tokens of all levels attend to each other; the values are the tokens."""

    def __init__(self, tokens: int, width: int, num_heads: int = 8) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, width))
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)

    def forward(self, *levels: Tensor) -> list[Tensor]:
        x = torch.cat(levels, dim=1)
        placed = x + self.pos_embed
        projected = (self.query(placed), self.key(placed), x)
        query, key, value = (to_heads(y, self.num_heads) for y in projected)
        y = x + from_heads(attend(query, key, value))
        return list(y.split([level.shape[1] for level in levels], dim=1))


class ChannelPositionalEncoding(nn.Module):
    """Sinusoids of the class index, added to query and key [B, C, E]."""

    def forward(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        _, classes, features = query.shape
        position = torch.arange(classes, dtype=torch.float64)[:, None]
        i = torch.arange(features)
        pair = (2 * (i // 2)).to(torch.float64)
        angle = position / 10000.0 ** (pair / features)
        encoding = torch.where(i % 2 == 0, angle.sin(), angle.cos()).to(query.dtype)
        return query + encoding, key + encoding


class LearnedChannelEncoding(nn.Module):
    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.zeros(classes, features))

    def forward(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        return query + self.embedding, key + self.embedding


class ClassBatchAttention(nn.Module):
    """For each class, the samples of the batch attend to each other."""

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        query, key = query.transpose(0, 1), key.transpose(0, 1)
        scores = query @ key.transpose(1, 2) / math.sqrt(len(query))
        attended = scores.softmax(dim=2) @ value.transpose(0, 1)[:, :, None]
        return attended[:, :, 0].transpose(0, 1)


class BatchTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoding = ChannelPositionalEncoding()
        self.attention = ClassBatchAttention()

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        cba = self.attention(*self.encoding(query, key), value)
        return cba, cba + value


# --- Whole networks ------------------------------------------------------------------------------


class PosterV2(nn.Module):
    """Images to logits. The forward pass gives every stage by name, the logits last."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        low, mid, high = config.image_widths
        self.config = config
        sides = [math.ceil(config.backbone_size / divisor) for divisor in (4, 8, 16)]
        self.ir_back = Ir50(config.image_widths, config.image_depths, config.mode)
        self.face_landback = MobileFaceNet(config.landmark_widths, config.landmark_depths)
        self.last_face_conv = nn.Conv2d(config.landmark_widths[2], high, 3, padding=1)
        for level, width in enumerate(config.image_widths, start=1):
            heads, side = config.fusion_heads[level - 1], sides[level - 1]
            self.add_module(f"conv{level}", nn.Conv2d(width, width, 3, 2, 1))
            self.add_module(f"window{level}", WindowNorm(width))
            self.add_module(f"attn{level}", LandmarkAttention(width, heads, side))
            self.add_module(f"ffn{level}", FusionFeedForward(width))
        self.embed_q = nn.Sequential(
            nn.Conv2d(low, config.width, 3, 2, 1), nn.Conv2d(config.width, config.width, 3, 2, 1)
        )
        self.embed_k = nn.Sequential(nn.Conv2d(mid, config.width, 3, 2, 1))
        self.embed_v = PatchProjection(high, config.width)
        self.level_tokens = sides[2] ** 2
        self.VIT = VisionTransformer(3 * self.level_tokens, config)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        stages = self.fused_tokens(images)
        return {**stages, "vit": self.VIT(stages["tokens"])}

    def fused_tokens(self, images: Tensor) -> dict[str, Tensor]:
        stride = self.config.input_size // self.config.backbone_size
        small = images[:, :, ::stride, ::stride]
        image_maps, landmark_maps = self.ir_back(small), self.face_landback(small)
        landmarks = [*landmark_maps[:2], self.last_face_conv(landmark_maps[2])]
        fused = [
            self.fuse(level, image_map, landmark_map)
            for level, (image_map, landmark_map) in enumerate(
                zip(image_maps, landmarks, strict=True), start=1
            )
        ]
        embeddings = (self.embed_q, self.embed_k, self.embed_v)
        levels = [to_tokens(embed(x)) for embed, x in zip(embeddings, fused, strict=True)]
        maps = {"image_map": image_maps, "landmark_map": landmark_maps}
        named = {f"{kind}{i + 1}": x for kind, list_ in maps.items() for i, x in enumerate(list_)}
        return {**named, "tokens": torch.cat(levels, dim=1)}

    def fuse(self, level: int, image: Tensor, landmarks: Tensor) -> Tensor:
        def part(name: str) -> nn.Module:
            return self.get_submodule(f"{name}{level}")

        image = part("conv")(image)
        shortcut = part("window")(to_tokens(image))
        attended = part("attn")(shortcut, to_tokens(landmarks))
        tokens = part("ffn")(attended, shortcut)
        return tokens.transpose(1, 2).reshape(image.shape)


class Btn(PosterV2):
    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.mla = MultiLevelAttention(3 * self.level_tokens, config.width)
        self.class_query = nn.Linear(config.width, config.num_classes)
        self.class_key = nn.Linear(config.width, config.num_classes)
        self.batch_transformer = BatchTransformer()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        stages = self.fused_tokens(images)
        (mixed,) = self.mla(stages["tokens"])
        vit = self.VIT(mixed)
        last_level = mixed[:, -self.level_tokens :]
        query = self.class_query(last_level).transpose(1, 2)
        key = self.class_key(last_level).transpose(1, 2)
        cba, bt = self.batch_transformer(query, key, vit)
        return {**stages, "mla": mixed, "vit": vit, "bt": bt, "cba": cba}


def build(config: NetworkConfig) -> PosterV2:
    return Btn(config) if config.with_btn else PosterV2(config)


def btn_loss(outputs: dict[str, Tensor], labels: Tensor, weight: float = 1.0) -> Tensor:
    """weight * CE(vit) + CE(bt) + CE(cba)"""
    vit, bt, cba = (nn.functional.cross_entropy(outputs[k], labels) for k in ("vit", "bt", "cba"))
    return weight * vit + bt + cba


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
