"""What the CUDA and the TensorRT engine share: everything between a frame in memory and its joints.

Upload, crop, network, decode and the way back are queued on one stream; the only wait is the last one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cpm_live.core.crop import Crop
from cpm_live.engines.base import EngineInfo, Looked, require_numbers
from cpm_live.engines.gpu_steps import crop_pictures, decode_on_device
from cpm_live.engines.look import middles, nobody
from cpm_live.network.presets import Preset

Network = Callable[[Tensor, Tensor], Tensor]
"""Pictures (N, 3, size, size) and centres (N, 2) fp32, on the device, to beliefs (N, T, maps, h, w)."""

CAPTURING = threading.Lock()
"""Held while a CUDA graph is captured: torch captures one at a time in a process, and frees nothing meanwhile."""


def give_back() -> None:
    """Give GPU memory that nobody uses any more back to the system: now, or at the end of a capture that runs."""
    # Not waited for: torch empties its cache itself before each capture, and a picture would stand still meanwhile.
    if CAPTURING.acquire(blocking=False):
        try:
            torch.cuda.empty_cache()
        finally:
            CAPTURING.release()


class UploadRing:
    """Pinned buffers that frames are copied into on their way up; a buffer is reused once its upload is over."""

    def __init__(self, device: torch.device, depth: int = 3) -> None:
        self._device, self._pinned = device, device.type == "cuda"
        self._buffers: list[Tensor | None] = [None] * depth
        self._over: list[torch.cuda.Event | None] = [None] * depth
        self._next = 0

    def upload(self, array: NDArray[np.generic]) -> Tensor:
        """The array's values on the device; the copy may still be on its way."""
        slot = self._next
        self._next = (slot + 1) % len(self._buffers)
        if (over := self._over[slot]) is not None:
            over.synchronize()
        dtype = torch.uint8 if array.dtype == np.uint8 else torch.float32
        buffer = self._buffers[slot]
        if buffer is None or buffer.dtype != dtype or buffer.numel() < array.size:
            buffer = self._buffers[slot] = torch.empty(array.size, dtype=dtype, pin_memory=self._pinned)
        staged = buffer[: array.size].view(array.shape)
        # Through numpy: it copies from read-only arrays without torch's warning.
        np.copyto(staged.numpy(), array)
        if not self._pinned:
            return staged.clone()
        there = staged.to(self._device, non_blocking=True)
        self._over[slot] = event = torch.cuda.Event()
        event.record()
        return there


class _Clock:
    """Times the device's steps without waiting for them."""

    def __init__(self, device: torch.device) -> None:
        self._events: list[torch.cuda.Event] = []
        self._times: list[float] = []
        self._on_gpu = device.type == "cuda"

    def mark(self) -> None:
        if self._on_gpu:
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self._events.append(event)
        else:
            self._times.append(time.perf_counter())

    def between(self, first: int, second: int) -> float:
        """Milliseconds from one mark to another; only after the device is done."""
        if self._on_gpu:
            return float(self._events[first].elapsed_time(self._events[second]))
        return (self._times[second] - self._times[first]) * 1e3


class GpuEngine:
    """An engine on a device of torch.

    Args:
        networks: by batch size, 1 among them; other numbers are split and padded.
        dtype: of the pictures that the networks take.
        device: a GPU; the CPU only in tests of this file's steps.
    """

    def __init__(
        self,
        preset: Preset,
        networks: Mapping[int, Network],
        dtype: torch.dtype,
        device: torch.device,
        info: EngineInfo,
    ) -> None:
        self.preset, self._info = preset, info
        self._networks, self._dtype, self._device = dict(networks), dtype, device
        self._ring, self._ring_of_centres = UploadRing(device), UploadRing(device)
        self._centres = torch.from_numpy(middles(max(networks), preset.size)).to(device)

    def infer(self, images: NDArray[np.uint8], centres: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :meth:`Engine.infer`."""
        with torch.inference_mode():
            pictures = self._ring.upload(images).to(self._dtype)
            beliefs = self._run(pictures, self._ring_of_centres.upload(centres))
            out: NDArray[np.float32] = beliefs.float().cpu().numpy()
        return out

    def look(self, image: NDArray[np.uint8], crops: Sequence[Crop], joints: int) -> Looked:
        """See :meth:`Engine.look`: all of it on the device; joints and belief maps come back in one copy each."""
        if not crops:
            return nobody(self, joints)
        if any(crop.size != self.preset.size for crop in crops):
            raise ValueError(f"the crops are not made for {self.preset.size} px")
        clock = _Clock(self._device)
        with torch.inference_mode():
            clock.mark()
            pictures = crop_pictures(self._ring.upload(image), crops, self._dtype)
            clock.mark()
            beliefs = self._run(pictures, None).float()
            clock.mark()
            found = decode_on_device(beliefs[:, :, :joints])
            # Every stage's maps come back, so that choosing a stage costs nothing: 6 stages of 15 maps of
            # 24 x 24 cells are 207 KB, a few microseconds of the bus.
            returned = _to_host(found), _to_host(beliefs)
            clock.mark()
            if self._device.type == "cuda":
                torch.cuda.current_stream(self._device).synchronize()
        points, maps = (tensor.numpy() for tensor in returned)
        return Looked(points, maps, clock.between(0, 1), clock.between(1, 2), clock.between(2, 3))

    def _run(self, pictures: Tensor, centres: Tensor | None) -> Tensor:
        """Any number of pictures through networks of fixed batch sizes; no centres mean the middles."""
        if not self._networks:
            raise RuntimeError("the engine is closed")
        answers, done = [], 0
        parts = split(len(pictures), sorted(self._networks))
        for batch in parts:
            part = pictures[done : done + batch]
            count = len(part)
            middle = self._centres[:batch] if centres is None else centres[done : done + count]
            if count < batch:
                # The last picture again: any will do, its answer is thrown away.
                part = torch.cat([part, part[-1:].expand(batch - count, -1, -1, -1)])
                if centres is not None:
                    middle = torch.cat([middle, middle[-1:].expand(batch - count, -1)])
            answer = self._networks[batch](part.contiguous(), middle.contiguous())[:count]
            # It may lie in memory that the network's next run writes to.
            answers.append(answer.clone() if len(parts) > 1 else answer)
            done += count
        return torch.cat(answers) if len(parts) > 1 else answers[0]

    def warm_up(self) -> None:
        """See :meth:`Engine.warm_up`: every batch size once, a frame's whole way included."""
        size = self.preset.size
        frame = np.zeros((size, size, 3), np.uint8)
        crop = Crop((size - 1) / 2, (size - 1) / 2, size, size, self.preset.stride)
        for batch in self._networks:
            require_numbers(self, self.look(frame, [crop] * batch, self.preset.joints).beliefs)

    def describe(self) -> EngineInfo:
        """See :meth:`Engine.describe`."""
        return self._info

    def close(self) -> None:
        """Drop the networks and give the GPU's memory back."""
        self._networks.clear()
        self._ring, self._ring_of_centres = UploadRing(self._device), UploadRing(self._device)
        if self._device.type == "cuda":
            give_back()


def split(count: int, batches: Sequence[int]) -> list[int]:
    """Fixed batch sizes (ascending) that together hold ``count``: as few runs as can be, then as little padding."""
    parts = []
    while count > 0:
        batch = next((size for size in batches if size >= count), batches[-1])
        parts.append(batch)
        count -= batch
    return parts


def _to_host(tensor: Tensor) -> Tensor:
    if not tensor.is_cuda:
        return tensor.contiguous()
    # A fresh pinned tensor each time (torch keeps a pool of them): results live longer than the next frame.
    there = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    there.copy_(tensor, non_blocking=True)
    return there
