"""Small pieces that the trunks and the stages share."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_relu(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """A same-size convolution with bias, then ReLU: the paper's only building block.

    Initialised as He et al. (ICCV 2015) do: with torch's own, a sixth of the variance, so little of the picture is left
    after VGG's sixteen layers that no gradient reaches the first ones.
    """
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    assert convolution.bias is not None
    nn.init.zeros_(convolution.bias)
    return nn.Sequential(convolution, nn.ReLU(inplace=True))


def belief_head(inputs: int, maps: int) -> nn.Conv2d:
    """The last convolution of a stage of the paper's networks; begins near no belief, as the release's do."""
    head = nn.Conv2d(inputs, maps, 1)
    nn.init.normal_(head.weight, std=0.01)
    assert head.bias is not None
    nn.init.zeros_(head.bias)
    return head


def conv_bn_relu(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution without bias, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class CentreMap(nn.Module):
    """The centre map: a Gaussian at the person's centre that says whose pose is asked for.

    The release adds it to the picture as a fourth channel, with sigma 21 px at 368 px, and pools it with a 9x9 average
    of stride 8 without padding (``pool_center_lower`` in its ``genProto.py``): each average lies half a pixel right of
    and below its cell. The network here takes the centre's coordinates and draws the map itself, so that an engine's
    input stays small.
    """

    def __init__(self, size: int, stride: int, sigma: float, pooled: bool) -> None:
        super().__init__()
        self.size, self.stride, self.sigma, self.pooled = size, stride, sigma, pooled
        step = 1 if pooled else stride
        # A pixel more than the picture has, for the last 9x9. (Caffe averages what is there, which engines round each
        # in their own way.)
        axis = torch.arange(size // step + pooled, dtype=torch.float32)
        self.register_buffer("axis", step * (axis + 0.5) - 0.5, persistent=False)
        self.pool = nn.AvgPool2d(9, stride) if pooled else nn.Identity()

    axis: Tensor

    def forward(self, centres: Tensor) -> Tensor:
        """Centres (N, 2), x and y in input pixels, to maps (N, 1, size/stride, size/stride) in 0..1."""
        squares = (self.axis[None, None, :] - centres[:, :, None]).square()
        x, y = squares[:, 0, None, :], squares[:, 1, :, None]
        gaussian = torch.exp(-(x + y) / (2 * self.sigma**2))
        pooled: Tensor = self.pool(gaussian[:, None])
        return pooled
