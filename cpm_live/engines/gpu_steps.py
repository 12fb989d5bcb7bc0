"""The steps around the network as torch operations: crop and decode, for all people of a frame at once.

They run on any device; the engines use them on a GPU, the tests also on the CPU, against ``core.crop``
and ``core.decode``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from cpm_live.core.crop import PAD_VALUE, Crop


def crop_pictures(frame: Tensor, crops: Sequence[Crop], dtype: torch.dtype) -> Tensor:
    """The network's pictures (N, 3, size, size), values 0..255, of a frame (H, W, 3) uint8 on the device.

    One ``grid_sample`` for all crops of the same level. As on the CPU (``Crop.extract``) a frame that
    shrinks a lot is halved first, since linear interpolation aliases, and what lies outside is grey.
    """
    size = crops[0].size
    # Grey is zero here, so that grid_sample's zeros outside are the grey that the CPU's border has.
    level = (frame.permute(2, 0, 1).to(torch.float32) - PAD_VALUE)[None]
    out = torch.empty((len(crops), 3, size, size), dtype=dtype, device=frame.device)
    wanted = [crop.halvings(frame.shape[0], frame.shape[1]) for crop in crops]
    for halvings in range(max(wanted) + 1):
        if halvings:
            height, width = level.shape[2] // 2 * 2, level.shape[3] // 2 * 2
            # Halves are rounded up, as cv2.resize does.
            level = (F.avg_pool2d(level[:, :, :height, :width], 2) + 0.5).floor()
        chosen = [index for index, count in enumerate(wanted) if count == halvings]
        if chosen:
            grid = _grid([crops[index] for index in chosen], size, halvings, level)
            source = level.expand(len(chosen), -1, -1, -1)
            pictures = F.grid_sample(source, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
            pictures = (pictures + PAD_VALUE).round().to(dtype)
            if len(chosen) == len(crops):
                return pictures
            out[chosen] = pictures
    return out


def _grid(crops: Sequence[Crop], size: int, halvings: int, level: Tensor) -> Tensor:
    """Where each input pixel looks (N, size, size, 2), in grid_sample's units: -1 and 1 are the frame's edges."""
    height, width = level.shape[2:]
    shrink = 2.0**halvings
    # Frame pixel u at input pixel i: u = (i - centre) / scale + x; after halving, (u + 0.5) / 2^n - 0.5.
    rows = torch.tensor([[c.x, c.y, 1 / c.scale] for c in crops], dtype=torch.float32)
    rows = rows.pin_memory().to(level.device, non_blocking=True) if level.is_cuda else rows
    steps = torch.arange(size, dtype=torch.float32, device=level.device) - (size - 1) / 2
    at = steps[None, :] * rows[:, 2:3]
    u = ((at + rows[:, 0:1] + 0.5) * (2 / (shrink * width)) - 1)[:, None, :].expand(-1, size, -1)
    v = ((at + rows[:, 1:2] + 0.5) * (2 / (shrink * height)) - 1)[:, :, None].expand(-1, -1, size)
    return torch.stack([u, v], dim=-1)


def decode_on_device(beliefs: Tensor) -> Tensor:
    """``core.decode.decode`` in torch: (..., h, w) to (..., 3), fp32."""
    height, width = beliefs.shape[-2:]
    flat = beliefs.reshape(-1, height * width).float()
    peak, best = flat.max(dim=1)
    y, x = best // width, best % width
    step = torch.arange(-1, 2, device=flat.device)
    # Neighbours outside the map repeat its border, so that a peak may sit there.
    ys = (y[:, None] + step).clamp(0, height - 1)[:, :, None]
    xs = (x[:, None] + step).clamp(0, width - 1)[:, None, :]
    patch = flat.gather(1, (ys * width + xs).reshape(len(flat), 9))
    log = patch.clamp_min(1e-3).log().reshape(-1, 3, 3)
    gx, gy = (log[:, 1, 2] - log[:, 1, 0]) / 2, (log[:, 2, 1] - log[:, 0, 1]) / 2
    hxx = log[:, 1, 2] - 2 * log[:, 1, 1] + log[:, 1, 0]
    hyy = log[:, 2, 1] - 2 * log[:, 1, 1] + log[:, 0, 1]
    hxy = (log[:, 2, 2] - log[:, 2, 0] - log[:, 0, 2] + log[:, 0, 0]) / 4
    det = hxx * hyy - hxy.square()
    sound = (det > 1e-6) & (hxx < 0) & (hyy < 0)
    safe = torch.where(sound, det, torch.ones_like(det))
    zero = torch.zeros_like(det)
    step_x = torch.where(sound, -(hyy * gx - hxy * gy) / safe, zero).clamp(-0.5, 0.5)
    step_y = torch.where(sound, -(hxx * gy - hxy * gx) / safe, zero).clamp(-0.5, 0.5)
    step_x, step_y = step_x * ((x > 0) & (x < width - 1)), step_y * ((y > 0) & (y < height - 1))
    out = torch.stack([x + step_x, y + step_y, peak.clamp(0, 1)], dim=-1)
    return out.reshape(*beliefs.shape[:-2], 3)
