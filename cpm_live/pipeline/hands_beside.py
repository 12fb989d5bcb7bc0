"""The hand model beside bodies: opened when it is first needed, exchanged with the engine, given up where it fails."""

from __future__ import annotations

from collections.abc import Callable

from cpm_live.core.errors import first_line
from cpm_live.core.skeleton import Skeleton
from cpm_live.engines.base import Engine, close_quietly
from cpm_live.engines.recipe import Recipe, find
from cpm_live.pipeline.hands import WristHands
from cpm_live.pipeline.options import Options, Thresholds

HandOpener = Callable[[Recipe], Engine | None]
"""Makes the hand model's engine; None while it is not ready yet."""


def hand_limits(recipe: Recipe) -> Thresholds:
    """The thresholds of hands beside bodies: the hand model's own, for what was set for bodies is not meant for it."""
    return Options().thresholds(recipe)


class HandsBeside:
    """Has the hands at the wrists of bodies looked at, once somebody asks for them.

    Args:
        opener: asked again at each call while it gives None.
        failed: told in one line why the engine cannot be made; there are no hands then until :meth:`forgive`. Without
            it the error is raised.
        bodies: the skeleton of the bodies.
    """

    def __init__(self, opener: HandOpener, failed: Callable[[str], None] | None, bodies: Skeleton) -> None:
        self._opener, self._failed, self._bodies = opener, failed, bodies
        self.hands: WristHands | None = None
        """What is open now."""
        self._due = self.given_up = False

    def __call__(self) -> WristHands | None:
        """What looks at hands; None while it is not there yet, and where it cannot be had."""
        if self.hands is not None and not self._due:
            return self.hands
        recipe = find("hand")
        try:
            engine = self._opener(recipe)
        except Exception as error:
            if self._failed is None:
                raise
            self.given_up = True
            self._failed(f"no hands: {first_line(error)}")
            self.close()
            return None
        if engine is None:
            return self.hands
        # Those who were followed on another engine start anew: a hand is found again in the same frame.
        self.close()
        self.hands = WristHands(recipe, engine, self._bodies)
        return self.hands

    def forgive(self) -> None:
        """Hands are not wanted any more: when they are, they are tried again."""
        self.given_up = False

    def swap(self, opener: HandOpener, wanted: bool) -> None:
        """Go on with what is open until another opener gives an engine; with nothing where nobody would ask for it."""
        self._opener, self.given_up, self._due = opener, False, True
        if not wanted:
            self.close()

    def close(self) -> None:
        """Close the engine."""
        if self.hands is not None:
            close_quietly(self.hands)
        self.hands, self._due = None, False
