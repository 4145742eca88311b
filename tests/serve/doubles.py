"""A detector whose faces are bright squares, and people in front of the camera who hold them up."""

import json
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import cv2
import numpy as np
from test_detector import LIVE, PRINT, Judge, _face
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from unmask.detector.detector import Detector
from unmask.detector.watch import WatchSettings
from unmask.types import Face

__all__ = ["LIVE", "PRINT", "WEAK", "Brightness", "Person", "Socket", "a_detector", "jpeg_of"]
WEAK = 128  # a score on the threshold


class BrightFaces:
    """Finds the bright square of a JPEG as a face; stands for FaceFinder."""

    def find(self, image: np.ndarray, *, known: Sequence[Face] = (), thorough: bool = True) -> list[Face]:
        return [] if known else self._all(image)

    def follow(self, image: np.ndarray, face: Face) -> Face | None:
        return next(iter(self._all(image)), None)

    def _all(self, image: np.ndarray) -> list[Face]:
        y, x = np.nonzero(image[..., 1] > 25)
        return [_face(x.min(), y.min(), x.max() - x.min())] if len(x) else []


class Brightness(Judge):  # type: ignore[misc]
    """The score is the brightness of the face; `error` is raised in its place."""

    error: Exception | None = None

    def score(self, clips: Sequence[Any]) -> list[Any]:
        if self.error is not None:
            raise self.error
        return super().score(clips)


def a_detector(network: Brightness | None = None) -> Detector:
    return Detector(
        [network or Brightness(1)], finder=BrightFaces(), point="default", settings=WatchSettings()
    )


def jpeg_of(light: int) -> bytes:
    """A black picture with one square of that brightness; 0 for an empty room."""
    image = np.zeros((160, 240, 3), np.uint8)
    image[40:120, 60:140] = light
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


AHEAD_S = 0.5  # by which a person's frames may run before the clock; the service takes no more than 1


class Socket:
    """The browser's end of a connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def tell(self, message: dict[str, Any]) -> None:
        self._connection.send(json.dumps(message))

    def send(self, content: str | bytes) -> None:
        self._connection.send(content)

    def hear(self) -> dict[str, Any]:
        """The next message; ConnectionClosed where none comes."""
        told = json.loads(self._connection.recv(timeout=20))
        assert isinstance(told, dict)
        return told


class Person:
    """A browser with the token of one session."""

    def __init__(self, base: str, session: dict[str, Any]) -> None:
        self.session = session
        self.address = f"{base.replace('http', 'ws')}/v1/sessions/{session['id']}/frames"
        self.count = 0  # frames sent
        self.start_ms = 1000 * time.monotonic()

    @contextmanager
    def connect(self, origin: str | None = None) -> Iterator[Socket]:
        with connect(self.address, origin=cast(Origin | None, origin), compression=None) as connection:
            yield Socket(connection)

    def hello(self, socket: Socket, token: str | None = None) -> dict[str, Any]:
        socket.tell({"type": "hello", "token": token or self.session["token"], "client": {}})
        return socket.hear()

    def send(self, socket: Socket, light: int) -> None:
        time_ms = self.start_ms + 1000 * self.count / 30
        ahead_s = time_ms / 1000 - time.monotonic()
        time.sleep(max(0.0, ahead_s - AHEAD_S))  # a quick machine shows a second in less than one
        socket.send(struct.pack("<d", time_ms) + jpeg_of(light))
        self.count += 1

    def show(self, socket: Socket, light: int, frames: int) -> Iterator[dict[str, Any]]:
        """What the server says to each frame; ends with what is not a state."""
        for _ in range(frames):
            self.send(socket, light)
            said = socket.hear()
            yield said
            if said["type"] != "state":
                return

    def until_told(self, socket: Socket, light: int) -> dict[str, Any]:
        """The first message that is not a state."""
        *_, last = self.show(socket, light, 200)
        assert last["type"] != "state"
        return last
