"""Sends poses to another program, as OSC over UDP."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from pythonosc.osc_bundle import OscBundle

from cpm_live.core.address import OSC_USUAL, osc_receiver, osc_shown
from cpm_live.core.errors import InputError, first_line
from cpm_live.core.mailbox import Mailbox
from cpm_live.core.pose import Result
from cpm_live.streaming.messages import Messages

log = logging.getLogger("cpm_live.streaming")


class OscSender:
    """Sends each result that it is given, at once.

    Args:
        address: see :func:`~cpm_live.core.address.osc_receiver`. Where no program listens nothing happens: nobody
            answers UDP.

    Raises:
        InputError: no address, or a name that nobody knows.
    """

    def __init__(self, address: str = OSC_USUAL) -> None:
        host, port = osc_receiver(address)
        try:
            # Once, and not for each packet.
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            # On most machines localhost is ::1 first; few programs hear there, and nobody answers UDP.
            family, kind, protocol, _, at = min(found, key=lambda one: one[0] != socket.AF_INET)
            self._at: tuple[Any, ...] = at
            self._socket = socket.socket(family, kind, protocol)
        except (OSError, UnicodeError) as error:
            raise InputError(f"cannot send to {host}: {getattr(error, 'strerror', None) or error}") from None
        # Nobody waits for a network; and one packet may be for all who are on it.
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._messages = Messages()
        self.address = osc_shown(address)
        self.problem = ""
        """What went wrong with the last packet, in a line; empty while all is well."""
        self.lost = 0
        """Results that could not be sent whole."""

    def __enter__(self) -> OscSender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, result: Result, mirror: bool = False) -> None:
        """Send one result. What cannot be sent is lost, as what is sent may be: :attr:`problem` says why.

        Args:
            mirror: places are those in the mirrored picture.
        """
        self._send(self._messages.packets(result, mirror))
        self.lost += bool(self.problem)

    def _send(self, packets: Iterable[OscBundle]) -> None:
        try:
            for packet in packets:
                self._socket.sendto(packet.dgram, self._at)
            self.problem = ""
        except OSError as error:
            # A network that is away comes back, and what was to be sent has no worth by then.
            problem = str(error.strerror or error)
            if problem != self.problem:
                log.warning("keypoints do not reach %s: %s", self.address, problem)
            self.problem = problem

    def nobody(self) -> None:
        """Say that nobody is there, until the next result."""
        self._send(self._messages.gone())

    def close(self) -> None:
        """Say that nobody is there any more, and let the socket go."""
        self.nobody()
        self._socket.close()


class KeypointSender(threading.Thread):
    """Sends the newest of the results that it is given; none waits for it.

    Args:
        address: see :func:`~cpm_live.core.address.osc_receiver`.

    Raises:
        InputError: that is no address.
    """

    def __init__(self, address: str) -> None:
        super().__init__(name="osc", daemon=True)
        self.address = osc_shown(address)
        self.problem = ""
        """What is wrong just now, in a line; empty while all is well."""
        self.failed = False
        """It has ended with this problem."""
        self.found = False
        """The other program's machine is known."""
        self._results: Mailbox[tuple[Result | None, bool]] = Mailbox()

    def put(self, result: Result, mirror: bool) -> None:
        """Have a result sent, unless a newer one comes before. Never waits."""
        self._results.put((result, mirror))

    def nobody(self) -> None:
        """No result comes for now: have it said that nobody is there."""
        self._results.put((None, False))

    def finish(self) -> None:
        """No more results will come."""
        self._results.close()

    def run(self) -> None:
        """The thread's body."""
        try:
            with OscSender(self.address) as sender:
                self.found = True
                while not self._results.closed:
                    item = self._results.take(timeout=1.0)
                    if item is None:
                        continue
                    result, mirror = item
                    if result is None:
                        sender.nobody()
                    else:
                        sender.send(result, mirror)
                    self.problem = sender.problem
        except InputError as error:
            log.warning("%s", error)
            self.problem, self.failed = str(error), True
        except Exception as error:
            # The window says what it sends for as long as it does not hear of an end.
            log.exception("sending keypoints to %s", self.address)
            self.problem, self.failed = f"cannot go on sending to {self.address}: {first_line(error)}", True
