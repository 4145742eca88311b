"""Which of the tracks of a container is the recording."""

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from unmask.types import SourceError


def chosen(container: InputContainer, *, name: str) -> tuple[VideoStream, list[str]]:
    """The default video track, which has to be the largest one, and what is to be said of others.

    Where the default is a smaller one, players would show another recording than the one that seems meant.
    """
    covers = av.stream.Disposition.attached_pic
    streams = [one for one in container.streams.video if not one.disposition & covers]
    if not streams:
        holds = "only sound" if container.streams.audio else "no pictures"
        raise SourceError(f"{name} holds {holds}; give a video")
    marked = [one for one in streams if one.disposition & av.stream.Disposition.default]
    stream = max(marked or streams, key=_area)
    largest = max(streams, key=_area)
    if _area(largest) > _area(stream):
        raise SourceError(
            f"{name} has {len(streams)} video tracks, and its default one of {_size(stream)} pixels is not "
            f"its largest of {_size(largest)}; keep one track"
        )
    if stream.codec_context is None:
        raise SourceError(f"{name} is coded in a way that is not known here; convert it to H.264")
    others = ", ".join(_size(one) for one in streams if one is not stream)
    notes = [f"of {len(streams)} video tracks the default one was looked at, not those of {others} pixels"]
    return stream, notes if others else []


def _area(stream: VideoStream) -> int:
    context = stream.codec_context
    return context.width * context.height if context is not None else 0


def _size(stream: VideoStream) -> str:
    context = stream.codec_context
    return f"{context.width}x{context.height}" if context is not None else "unknown"
