"""What checking costs: a picture, a cold start, a video, many pictures, memory."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import material
from benchmarks.peer import Peer
from benchmarks.timing import DisagreementError, Ended, Row, cored, in_turn, interval, process, ratio, walled
from unmask.detector import watch
from unmask.detector.detector import Detector
from unmask.media.sources import open_source
from unmask.types import Decision

TOLERANCE = 0.02  # of the score of a video of which fewer faces are looked at, and of one network in batches
SCRIPT = "import sys; from benchmarks.checking import rate; rate(*sys.argv[1:])"
EVERY_FRAME = (0.0, 0.0)  # in place of watch.LOOK_S


def rows(folder: Path, *, repeats: int, quick: bool, minifasnet: Path | None) -> Iterator[Row]:
    """The rows of this file; DisagreementError where a quick way gives another answer than the plain one."""
    detector = Detector.load(threads=2)
    picture = material.picture(folder / "picture.jpg")
    yield from _picture(detector, picture, repeats=repeats, minifasnet=minifasnet)
    yield _in_int8(detector, picture, repeats=repeats)
    yield from _cold(folder, picture, repeats=repeats, quick=quick)
    yield from _video(detector, folder, repeats=repeats, seconds=1 if quick else 10)
    yield from _many(detector, folder, repeats=repeats, count=4 if quick else 32)


def _picture(detector: Detector, picture: Path, *, repeats: int, minifasnet: Path | None) -> Iterator[Row]:
    row = Row(
        work="one 640x480 picture, file to verdict, warm, 2 threads",
        unit="ms",
        value=interval([0.0]),
        goal="8 x the peer",
        limit="the encoder at 320 px; then BlazeFace and the mesh",
    )
    ours = walled(lambda: detector.check(picture))
    if minifasnet is None:
        alone = in_turn(repeats, ours=ours)["ours"]
        yield replace(
            row, value=interval([1e3 * s for s in alone]), against="no peer: UNMASK_MINIFASNET is not set"
        )
        return
    with closing(Peer(minifasnet, threads=2)) as peer:
        found = in_turn(
            repeats,
            ours=ours,
            once=lambda: peer.seconds(picture, weights="once"),
            each=lambda: peer.seconds(picture, weights="each"),
        )
    value = interval([1e3 * s for s in found["ours"]])
    for way, words in (
        ("each", "loading its weights for each picture, as published"),
        ("once", "weights loaded once"),
    ):
        middle = 1e3 * float(np.median(found[way]))
        against = f"MiniFASNet x 2, {peer.detector}, {words}: {middle:.0f} ms"
        yield replace(row, value=value, against=against, ratio=ratio(found[way], found["ours"]))


def _in_int8(detector: Detector, picture: Path, *, repeats: int) -> Row:
    """What `--precision int8` gains; its scores and thresholds are its own, so that verdicts alone agree."""
    quick = Detector.load(threads=2, precision="int8")
    plain, other = detector.check(picture), quick.check(picture)
    if plain.verdict is not other.verdict:
        raise DisagreementError(
            f"the picture is {other.verdict} in int8 and {plain.verdict} in f32; verdicts must be the same"
        )
    found = in_turn(
        repeats, ours=walled(lambda: quick.check(picture)), plain=walled(lambda: detector.check(picture))
    )
    return Row(
        work="the same with `--precision int8`",
        value=interval([1e3 * s for s in found["ours"]]),
        unit="ms",
        goal="",
        against=f"f32: {1e3 * float(np.median(found['plain'])):.0f} ms",
        ratio=ratio(found["plain"], found["ours"]),
        limit="the encoder at 320 px; then BlazeFace and the mesh",
    )


def _cold(folder: Path, picture: Path, *, repeats: int, quick: bool) -> Iterator[Row]:
    warm_up = 0 if quick else 1

    def ended(*words: str, most: int = 10**6) -> list[Ended]:
        runs = [process(*words, ok=(0, 1, 2)) for _ in range(max(1, min(repeats, most)) + warm_up)]
        return runs[warm_up:]

    found = ended("-m", "unmask", "check", str(picture))
    limit = "imports; reading the compiled networks; one golden clip"
    yield Row(
        work="`unmask check picture.jpg`, cold",
        unit="core s",
        value=interval([run.core_s for run in found]),
        goal="1.0",
        limit=limit,
    )
    large = material.picture(
        folder / "large.jpg", height=300 if quick else 3000, width=400 if quick else 4000
    )
    video = material.video(folder / "memory.mp4", seconds=0.5 if quick else 10)
    memory = {"640x480 picture": found, "12 MP picture": ended("-m", "unmask", "check", str(large), most=5)}
    memory["10 s of 720p video"] = ended("-m", "unmask", "check", str(video), most=5)
    for what, runs in memory.items():
        yield Row(
            work=f"memory of `check`, {what}",
            unit="MB",
            value=interval([run.memory_mb for run in runs]),
            goal="400",
            limit="OpenVINO, numpy, OpenCV and PyAV themselves; pixels",
        )
    for words, goal in ((("-c", "import unmask"), "0.3"), (("-m", "unmask", "--help"), "0.2")):
        yield Row(
            work=f"`python {' '.join(words)}`",
            unit="core s",
            value=interval([run.core_s for run in ended(*words)]),
            goal=goal,
            limit="Python's own start",
        )


def _video(detector: Detector, folder: Path, *, repeats: int, seconds: int) -> Iterator[Row]:
    path = material.video(folder / "video.mp4", seconds=seconds)
    frames = seconds * material.FPS

    def decoded() -> None:
        with closing(open_source(path)) as source:
            for _ in source.frames:
                pass

    def plainly() -> Decision:
        usual, watch.LOOK_S = watch.LOOK_S, EVERY_FRAME
        try:
            return detector.check(path)
        finally:
            watch.LOOK_S = usual

    agree(detector.check(path), plainly(), of="a video whose faces are looked at 12 times a second")
    found = in_turn(
        repeats,
        ours=walled(lambda: detector.check(path)),
        plain=walled(plainly),
        decoding=walled(decoded),
    )
    value = interval([1e3 * s / frames for s in found["ours"]])
    row = Row(
        work=f"{seconds} s of 720p video, file to verdict, 2 threads",
        unit="ms a frame",
        value=value,
        goal="5",
        limit="the decoder, then the encoder on five frames a second",
    )
    plain, decoding = (1e3 * float(np.median(found[way])) / frames for way in ("plain", "decoding"))
    yield replace(
        row,
        against=f"faces looked at in every frame: {plain:.1f} ms",
        ratio=ratio(found["plain"], found["ours"]),
    )
    yield replace(
        row,
        against=f"decoding alone (the limit): {decoding:.1f} ms",
        ratio=ratio(found["decoding"], found["ours"]),
    )


def _many(detector: Detector, folder: Path, *, repeats: int, count: int) -> Iterator[Row]:
    paths = [material.picture(folder / f"{n}.jpg", height=480 + n % 7, width=640) for n in range(count)]
    together = [found for found in detector.check_many(paths, progress=False) if isinstance(found, Decision)]
    for one, path in zip(together, paths, strict=True):
        agree(one, detector.check(path), of="a picture among many")
    apart = in_turn(
        repeats,
        together=cored(lambda: list(detector.check_many(paths, progress=False))),
        alone=cored(lambda: [detector.check(path) for path in paths]),
    )
    alone = 1e3 * float(np.median(apart["alone"])) / count
    yield Row(
        work="`check_many`, 640x480 pictures, 2 threads",
        unit="core ms a picture",
        value=interval([1e3 * seconds / count for seconds in apart["together"]]),
        goal="",
        against=f"`check`, one after the other: {alone:.0f} core ms",
        ratio=ratio(apart["alone"], apart["together"]),
        limit="the encoder",
    )
    cores = sorted(os.sched_getaffinity(0))[:2]
    found = in_turn(
        repeats,
        one=lambda: rate_on([cores[:1]], paths),
        two=lambda: rate_on([cores], paths),
        apart=lambda: rate_on([[core] for core in cores], paths),
    )
    row = Row(
        work="`check_many`, 640x480 pictures, 2 cores",
        unit="pictures/s",
        value=interval(found["two"]),
        goal="60; 1.9 x one core",
        limit="the encoder; what two cores share",
    )
    yield replace(
        row,
        against=f"one core: {np.median(found['one']):.1f} pictures/s",
        ratio=ratio(found["two"], found["one"]),
    )
    yield replace(
        row,
        against=f"a process for each core, both at once: {np.median(found['apart']):.1f} pictures/s",
        ratio=ratio(found["two"], found["apart"]),
    )


def rate_on(processes: list[list[int]], paths: list[Path]) -> float:
    """Pictures a second of processes that check all paths at once, each kept to its cores."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, ",".join(map(str, cores)), *map(str, paths)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for cores in processes
    ]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()  # it is ready
    return sum(float(said) for said in _answers(children))


def _answers(children: list["subprocess.Popen[str]"]) -> list[str]:
    """What they say once all were told to begin."""
    for child in children:
        assert child.stdin is not None
        child.stdin.write("begin\n")
        child.stdin.flush()
    return [child.communicate()[0] for child in children]


def rate(cores: str, *paths: str) -> None:
    """Prints the pictures a second, once told to begin; the child of `rate_on`."""
    numbers = {int(core) for core in cores.split(",")}
    os.sched_setaffinity(0, numbers)
    detector = Detector.load(threads=len(numbers))
    list(detector.check_many(paths[:2], progress=False))
    print("ready", flush=True)
    sys.stdin.readline()
    print(len(paths) / walled(lambda: list(detector.check_many(paths, progress=False)))())


def agree(quick: Decision, plain: Decision, *, of: str) -> None:
    """DisagreementError unless both have the same verdict, and scores within the tolerance."""
    if quick.verdict is not plain.verdict or not abs(quick.score - plain.score) <= TOLERANCE:
        raise DisagreementError(
            f"{of} is {quick.verdict} {quick.score:.3f} the quick way and {plain.verdict} {plain.score:.3f} "
            f"the plain one; verdicts must be the same, and scores within {TOLERANCE}"
        )
