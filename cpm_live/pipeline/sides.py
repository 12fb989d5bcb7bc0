"""Sides: which hand is which, where votes over time have gone wrong."""

from __future__ import annotations

from collections.abc import Sequence

from cpm_live.core.findings import Found
from cpm_live.pipeline.tracks import Track


def tell_apart(told: Sequence[tuple[Track, Found]]) -> None:
    """Of two hands that are called the same the finder, or a wrist, may confirm one and contradict the other, as after
    they touched: the other one's votes begin anew with what was said now.

    Args:
        told: hands that are followed, each with what was just said of it.
    """
    for track, offer in told:
        confirmed = any(other is not track and other.side == track.side == theirs.side for other, theirs in told)
        if offer.side is not None and offer.side != track.side and confirmed:
            track.side_votes = 0.0
            track.vote(offer.side, offer.score)
