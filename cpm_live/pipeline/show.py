"""Show: from what was seen of a track to the pose that others get."""

from __future__ import annotations

from cpm_live.core.pose import Pose
from cpm_live.network.presets import Preset
from cpm_live.pipeline.locate import pose_box
from cpm_live.pipeline.options import Thresholds
from cpm_live.pipeline.sights import Sight
from cpm_live.pipeline.smooth import Smoother

PAPER_SIZE = 368
"""Input side that ``Preset.centre_sigma`` is given for."""


def make_pose(sight: Sight, limits: Thresholds, smoothing: float, preset: Preset, body: int | None = None) -> Pose:
    """The pose of a sight that its track has taken, its joints smoothed after those of the frames before."""
    track = sight.track
    # ``sure``, not ``joint``: the slider says which joints are shown, not who somebody is.
    if track.smoother is None:
        track.smoother = Smoother(len(sight.joints))
    smoothed = track.smoother(sight.joints, track.gap_s, track.size, smoothing, limits.sure)
    return Pose(
        id=track.id,
        box=pose_box(sight.joints, limits.sure) or sight.box or sight.crop.box,
        # A copy: whoever gets the pose may write into its joints, and the track goes on from its own.
        stages=sight.stages.copy(),
        beliefs=sight.beliefs,
        crop=sight.crop,
        side=track.side,
        smoothed=smoothed if smoothing > 0 else None,
        presence=sight.presence,
        centre_sigma=preset.centre_sigma / PAPER_SIZE if preset.centre_map else 0.0,
        body=body,
    )
