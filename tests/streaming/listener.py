"""Another program, on this machine, that hears what is sent."""

from __future__ import annotations

import socket

from pythonosc.osc_packet import OscPacket


class Listener:
    """Binds a port of its own."""

    def __init__(self, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        self.socket.settimeout(5.0)
        self.port = self.socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    def hear(self) -> dict[str, list[object]]:
        """The next packet: what it says, by address."""
        return {timed.message.address: timed.message.params for timed in OscPacket(self.socket.recv(4096)).messages}

    def close(self) -> None:
        """Listen no more."""
        self.socket.close()
