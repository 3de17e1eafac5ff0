"""A line between browser and server that a test can cut, as a pulled cable does: the server itself goes on."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

_CHUNK = 65_536


class Relay:
    """Carries TCP between its own port and another one of this machine until it is `cut`."""

    def __init__(self, to_port: int) -> None:
        self.to_port = to_port
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._whole = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def cut(self) -> None:
        """End what is connected, and refuse what comes."""
        with self._lock:
            self._whole = False
            ended, self._open = self._open, set()
        for one in ended:
            _end(one)

    def mend(self) -> None:
        with self._lock:
            self._whole = True

    def close(self) -> None:
        self.cut()
        _end(self._listener)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = None
            with suppress(OSError):
                far = socket.create_connection(("127.0.0.1", self.to_port))
            with self._lock:
                joined = self._whole and far is not None
                if joined and far is not None:
                    self._open |= {near, far}
            if far is None or not joined:
                for one in (near, far):
                    if one is not None:
                        _end(one)
                continue
            for pair in ((near, far), (far, near)):
                threading.Thread(target=_carry, args=pair, daemon=True).start()


def _carry(come: socket.socket, go: socket.socket) -> None:
    with suppress(OSError):
        while data := come.recv(_CHUNK):
            go.sendall(data)
    _end(go)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def relay(to_port: int) -> Generator[Relay]:
    """A relay that is closed in the end."""
    made = Relay(to_port)
    try:
        yield made
    finally:
        made.close()
