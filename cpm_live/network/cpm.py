"""The Convolutional Pose Machine: stages that refine each other's belief maps.

Wei, Ramakrishna, Kanade, Sheikh: Convolutional Pose Machines, CVPR 2016, section 3. Layer by
layer as in the authors' release (shihenw/convolutional-pose-machines-release on GitHub: ``genProto.py`` and the
``pose_deploy*.prototxt`` files under ``model/``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cpm_live.network.layers import CentreMap, belief_head, conv_bn_relu, conv_relu
from cpm_live.network.presets import Preset
from cpm_live.network.trunks import LITE_SHAPES, LiteTrunk, ResidualTrunk, VggTrunk


class PoseNetwork(nn.Module):
    """Base of all pose machines: normalises the picture and draws the centre map.

    ``forward(images, centres)``:

    * images (N, 3, size, size), uint8 or float, BGR, 0..255;
    * centres (N, 2), x and y of the person in input pixels (ignored by presets without centre map);
    * returns beliefs (N, T, maps, size/stride, size/stride), float, about 0..1: the maps of every
      stage, K joints then background.
    """

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.preset = preset
        self.centre_map: CentreMap | None = None
        self.set_size(preset.size)
        self.register_buffer("mean", torch.tensor(preset.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", 1.0 / torch.tensor(preset.std).view(1, 3, 1, 1), persistent=False)
        # On the device like the rest: a list in its place is copied there in each run, which a CUDA graph refuses.
        self.register_buffer("rgb", torch.tensor([2, 1, 0]), persistent=False)

    mean: Tensor
    scale: Tensor
    rgb: Tensor

    def set_size(self, size: int) -> None:
        """Take pictures of another side (a multiple of the preset's step) from now on; training grows its crops."""
        preset = self.preset
        if size % preset.step:
            raise ValueError(f"the input side must be a multiple of {preset.step}, not {size}")
        self.size = size
        if preset.centre_map:
            sigma = preset.centre_sigma * size / 368
            self.centre_map = CentreMap(size, preset.stride, sigma, preset.centre_pooled)

    def normalise(self, images: Tensor) -> Tensor:
        """Pixels 0..255 to the values this preset was trained on, where it was trained to see them."""
        pixels = (images.to(self.scale.dtype) - self.mean) * self.scale
        if shift := self.preset.shift:
            pixels = F.pad(pixels[:, :, shift:, shift:], (0, shift, 0, shift))
        return pixels[:, self.rgb] if self.preset.rgb else pixels

    def context(self, features: Tensor, centres: Tensor) -> Tensor:
        """What every later stage sees beside the beliefs: features and, if used, the centre map."""
        if self.centre_map is None:
            return features
        return torch.cat([features, self.centre_map(centres).to(features.dtype)], dim=1)


class PaperNetwork(PoseNetwork):
    """The paper's network (Caffe release, models LEEDS, MPI and FLIC): stage 1 and stages 2..T look at the
    picture through convolutions of their own."""

    def __init__(self, preset: Preset) -> None:
        super().__init__(preset)
        maps = preset.stage_maps
        extra = 1 if preset.centre_map else 0

        def eyes() -> list[nn.Module]:
            layers: list[nn.Module] = []
            for inputs in (3, 128, 128):
                # Caffe rounds pooled sizes up; with ceil_mode 368 pixels give 46 cells here too.
                padding = preset.pool_padding
                layers += [conv_relu(inputs, 128, 9), nn.MaxPool2d(3, 2, padding, ceil_mode=not padding)]
            return layers

        self.first = nn.Sequential(
            *eyes(), conv_relu(128, 32, 5), conv_relu(32, 512, 9), conv_relu(512, 512, 1), belief_head(512, maps)
        )
        self.eyes = nn.Sequential(*eyes())
        self.features = nn.ModuleList(conv_relu(128, 32, 5) for _ in range(preset.stages - 1))
        self.later = nn.ModuleList(
            nn.Sequential(
                conv_relu(32 + maps + extra, 128, 11),
                conv_relu(128, 128, 11),
                conv_relu(128, 128, 11),
                conv_relu(128, 128, 1),
                belief_head(128, maps),
            )
            for _ in range(preset.stages - 1)
        )

    def forward(self, images: Tensor, centres: Tensor) -> Tensor:
        pixels = self.normalise(images)
        beliefs = [self.first(pixels)]
        seen = self.eyes(pixels)
        for features, stage in zip(self.features, self.later, strict=True):
            # The release's order: image features, previous beliefs, centre map.
            context = torch.cat([features(seen), beliefs[-1]], dim=1)
            beliefs.append(stage(self.context(context, centres)))
        maps = torch.stack(beliefs, dim=1)
        if self.preset.made_background:
            maps = torch.cat([maps, 1 - maps.amax(dim=2, keepdim=True)], dim=2)
        return maps


class VggNetwork(PoseNetwork):
    """CPM-VGG and its relatives (release ``pose_deploy_resize``, the person finder, OpenPose's hand): one VGG
    trunk whose features all stages share, 7x7 convolutions in stages 2..T."""

    def __init__(self, preset: Preset) -> None:
        super().__init__(preset)
        maps = preset.maps
        extra = 1 if preset.centre_map else 0
        self.trunk = VggTrunk(preset.tail)
        self.first = nn.Sequential(conv_relu(preset.tail[-1], 512, 1), belief_head(512, maps))
        self.later = nn.ModuleList(
            nn.Sequential(
                conv_relu(maps + preset.tail[-1] + extra, 128, 7),
                *(conv_relu(128, 128, 7) for _ in range(4)),
                conv_relu(128, 128, 1),
                belief_head(128, maps),
            )
            for _ in range(preset.stages - 1)
        )

    def forward(self, images: Tensor, centres: Tensor) -> Tensor:
        pixels = self.normalise(images)
        maps = self._look(pixels, centres)
        if self.preset.right_hands:
            mirrored = self._look(pixels.flip(-1), centres).flip(-1)
            sure, surer = (beliefs[:, -1, :-1].amax(dim=(2, 3)).mean(dim=1) for beliefs in (maps, mirrored))
            maps = torch.where((surer > sure)[:, None, None, None, None], mirrored, maps)
        return maps

    def _look(self, pixels: Tensor, centres: Tensor) -> Tensor:
        features = self.trunk(pixels)
        context = self.context(features, centres)
        beliefs = [self.first(features)]
        for stage in self.later:
            beliefs.append(stage(torch.cat([beliefs[-1], context], dim=1)))
        return torch.stack(beliefs, dim=1)


class LightStage(nn.Module):
    """A later stage for CPUs: a 1x1 convolution brings its inputs together, then 7x7 depthwise and 1x1
    convolutions with skips look around, then the belief maps."""

    def __init__(self, inputs: int, width: int, depth: int, maps: int) -> None:
        super().__init__()
        self.join = conv_bn_relu(inputs, width, 1)
        self.look = nn.ModuleList(
            nn.Sequential(conv_bn_relu(width, width, 7, groups=width), conv_bn_relu(width, width, 1))
            for _ in range(depth)
        )
        self.believe = nn.Conv2d(width, maps, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.join(x)
        for look in self.look:
            x = x + look(x)
        beliefs: Tensor = self.believe(x)
        return beliefs


class LightNetwork(PoseNetwork):
    """Our real-time family: a small trunk and light stages. Stage 1 sees local evidence only."""

    def __init__(self, preset: Preset) -> None:
        super().__init__(preset)
        maps, width = preset.maps, preset.width
        extra = 1 if preset.centre_map else 0
        self.trunk: LiteTrunk | ResidualTrunk
        if preset.trunk in LITE_SHAPES:
            self.trunk = LiteTrunk(LITE_SHAPES[preset.trunk], width, preset.frozen, preset.deep)
        else:
            self.trunk = ResidualTrunk((24, 32, 64, width), width)
        self.first = nn.Sequential(conv_bn_relu(self.trunk.local, width, 1), nn.Conv2d(width, maps, 1))
        self.later = nn.ModuleList(
            LightStage(
                maps + extra + (self.trunk.local if stage < preset.local_stages else width),
                width, preset.depth, maps,
            )
            for stage in range(1, preset.stages)
        )  # fmt: skip

    def forward(self, images: Tensor, centres: Tensor) -> Tensor:
        features, local = self.trunk(self.normalise(images))
        near, wide = self.context(local, centres), self.context(features, centres)
        beliefs = [self.first(local)]
        for number, stage in enumerate(self.later, start=1):
            context = near if number < self.preset.local_stages else wide
            beliefs.append(stage(torch.cat([beliefs[-1], context], dim=1)))
        return torch.stack(beliefs, dim=1)


_FAMILIES: dict[str, type[PoseNetwork]] = {"paper": PaperNetwork, "vgg": VggNetwork, "light": LightNetwork}


def build(preset: Preset) -> PoseNetwork:
    """A network of this preset with fresh weights."""
    return _FAMILIES[preset.family](preset)
