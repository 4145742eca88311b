"""Recordings of attacks with faults injected: how many of them come out LIVE (none may).

    python -m experiments.faults [--count 500] [--seed 11] [--first 0] [--out build/faults.csv]

Attacks on one person (prints, displays, paper masks), simulated from a photograph that no model was trained
on, are coded in five ways; each recording gets a fault drawn by the seed and its number: flipped bits
anywhere in the file, packets that are lost, torn, zeroed, doubled or in another order, time stamps that jump
or run backward, files that are cut or glued together, and a living face before, between or after. Attacks
that are LIVE without a fault are the model's mistakes and left out, which is said.

Every row is written as soon as it is known; a second call goes on behind the last row. Exits 1 if any is
LIVE, is an error of our own, or takes more than a minute of computing.
"""

import argparse
import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import av
import numpy as np

from unmask.detector.detector import Detector
from unmask.media.faces import FaceFinder
from unmask.media.video import read_video, write_video
from unmask.simulate.people.subjects import astronaut
from unmask.simulate.photographs import Photographs
from unmask.types import UnmaskError, Verdict

FPS, FRAMES = 15.0, 27
ATTACKS = 15  # recordings
INSTRUMENTS = ("print/matt", "print/glossy", "replay/phone", "replay/monitor", "mask/paper")
BONA_FIDE_SEED = 3  # the demo's
CODED = {
    "H.264 in MP4": ("mp4", "libx264"),
    "H.264 in Matroska": ("mkv", "libx264"),
    "MPEG-4 in AVI": ("avi", "mpeg4"),
    "VP9 in WebM": ("webm", "libvpx-vp9"),
    "motion JPEG in AVI": ("avi", "mjpeg"),
}
GOP = 9
COLUMNS = ("number", "fault", "coding", "attack", "verdict", "score", "reasons", "seconds")
SLOW_S = 60.0

Packets = list[tuple[int, int, bytes]]  # pts, dts, content


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="Begin at this number, in a table of its own.")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, default=Path("build/faults.csv"))
    parser.add_argument("--media", type=Path, default=Path("build/faults"))
    asked = parser.parse_args()
    detector = Detector.load(threads=1)
    bona_fide, attacks = recordings(asked.media)
    fair = fair_ones(detector, attacks, media=asked.media)
    print(f"{len(fair)} of {len(attacks)} attacks are not LIVE without a fault and are used")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    done = sum(1 for _ in asked.out.open()) - 1 if asked.out.exists() else -1
    with asked.out.open("a", newline="") as table:
        rows = csv.writer(table, lineterminator="\n")
        if done < 0:
            rows.writerow(COLUMNS)
        for number in range(asked.first + max(0, done), asked.count):
            rows.writerow(one(number, asked.seed, detector, bona_fide, fair, media=asked.media))
            table.flush()
    return summary(asked.out)


def fair_ones(detector: Detector, attacks: Sequence[Path], *, media: Path) -> list[Path]:
    """The attacks that these weights see without a fault; noted, for other calls."""
    noted = media / f"fair-{detector.contracts[0].payload_sha256[:12]}.json"
    if not noted.exists():
        seen = [path.name for path in attacks if detector.check(path).verdict is not Verdict.LIVE]
        noted.write_text(json.dumps(seen))
    return [media / name for name in json.loads(noted.read_text())]


def recordings(folder: Path) -> tuple[Path, list[Path]]:
    """The living recording and the attacks, made once."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {"bona_fide": (BONA_FIDE_SEED, ())}
    for number in range(ATTACKS):
        wanted[f"attack-{number}"] = (BONA_FIDE_SEED + number, (INSTRUMENTS[number % len(INSTRUMENTS)],))
    portrait = None
    for name, (seed, instruments) in wanted.items():
        if (folder / f"{name}.mkv").exists():
            continue
        portrait = portrait or astronaut(FaceFinder.load(threads=1))
        series = Photographs(
            photographs=[portrait], seed=seed, frames=FRAMES, fps=FPS, instruments=instruments
        )
        write_video(folder / f"{name}.mkv", series(1 if instruments else 0).frames, fps=FPS, crf=10)
    return folder / "bona_fide.mkv", [folder / f"{name}.mkv" for name in wanted if name != "bona_fide"]


def one(
    number: int, seed: int, detector: Detector, bona_fide: Path, attacks: Sequence[Path], *, media: Path
) -> list[object]:
    """The row of one faulty recording."""
    rng = np.random.default_rng([seed, number])
    fault = list(FAULTS)[number % len(FAULTS)]
    coding = list(CODED)[number // len(FAULTS) % len(CODED)]
    attack = attacks[int(rng.integers(len(attacks)))]
    suffix, codec = CODED[coding]
    path = media / f"faulty-{number}.{suffix}"
    FAULTS[fault](rng, path, codec, attack, bona_fide)
    begun_s = time.process_time()
    try:
        decision = detector.check(path)
        told = [decision.verdict.value, f"{decision.score:.3f}", "|".join(decision.reasons)]
    except UnmaskError as refused:
        told = ["refused", "", str(refused).replace(str(path), "FILE")[:80]]
    except Exception as error:  # what is counted here
        told = ["ERROR", "", repr(error)[:80]]
    path.unlink()
    return [number, fault, coding, attack.stem, *told, f"{time.process_time() - begun_s:.2f}"]


@lru_cache(maxsize=20)
def pictures(path: Path) -> list[np.ndarray]:
    return [frame.image for frame in read_video(path)]


def coded(path: Path, frames: Sequence[np.ndarray], codec: str) -> Path:
    """A video with a key frame every `GOP` frames, in the order in which they are seen."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=int(FPS))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = GOP
        stream.codec_context.thread_count = 1
        if codec in ("mjpeg", "mpeg4"):
            stream.codec_context.qmin, stream.codec_context.qmax = 2, 4
        elif codec == "libx264":
            stream.options = {"preset": "ultrafast", "crf": "14"}
        else:
            stream.options = {"deadline": "realtime", "cpu-used": "8", "crf": "14", "b": "6M"}
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def remuxed(path: Path, change: Callable[[Packets], Packets]) -> None:
    """The file with other packets."""
    whole = path.with_name(f"whole-{path.name}")
    path.replace(whole)
    with av.open(str(whole)) as old, av.open(str(path), "w") as new:
        source = old.streams.video[0]
        track = new.add_stream_from_template(source)
        held = [(p.pts, p.dts, bytes(p), p.is_keyframe) for p in old.demux(source) if p.dts is not None]
        keys = {content for _, _, content, is_key in held if is_key}
        for pts, dts, content in change([packet[:3] for packet in held]):
            packet = av.Packet(content)
            packet.pts, packet.dts, packet.time_base = pts, dts, source.time_base
            packet.stream, packet.is_keyframe = track, content in keys
            try:
                new.mux(packet)
            except (av.FFmpegError, ValueError):  # this container does not hold such a time
                continue
    whole.unlink()


def _bits(rng: np.random.Generator, path: Path, codec: str, attack: Path, bona_fide: Path) -> None:
    content = bytearray(coded(path, pictures(attack), codec).read_bytes())
    for place in rng.integers(0, len(content), int(rng.choice([1, 5, 20, 100, 400]))):
        content[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def _cut(rng: np.random.Generator, path: Path, codec: str, attack: Path, bona_fide: Path) -> None:
    content = coded(path, pictures(attack), codec).read_bytes()
    path.write_bytes(content[: int(rng.uniform(0.1, 1) * len(content))])


def _of_packets(change: Callable[[np.random.Generator, Packets], Packets]) -> "Fault":
    def fault(rng: np.random.Generator, path: Path, codec: str, attack: Path, bona_fide: Path) -> None:
        coded(path, pictures(attack), codec)
        remuxed(path, lambda packets: change(rng, packets))

    return fault


def _lost(rng: np.random.Generator, packets: Packets) -> Packets:
    share = rng.choice([0.05, 0.2, 0.5])
    return [packet for packet in packets if rng.uniform() > share] or packets[:1]


def _torn(rng: np.random.Generator, packets: Packets) -> Packets:
    def tear(content: bytes) -> bytes:
        keep = int(rng.uniform(0, 1) * len(content))
        rest = len(content) - keep
        return content[:keep] + (bytes(rest) if rng.uniform() < 0.5 else rng.bytes(rest))

    share = rng.choice([0.05, 0.3])
    return [(pts, dts, tear(body) if rng.uniform() < share else body) for pts, dts, body in packets]


def _order(rng: np.random.Generator, packets: Packets) -> Packets:
    bodies = [body for _, _, body in packets]
    for _ in range(int(rng.integers(1, 8))):
        one, other = rng.integers(0, len(bodies), 2)
        if rng.uniform() < 0.5:
            bodies[one], bodies[other] = bodies[other], bodies[one]
        else:
            bodies[one] = bodies[other]
    return [(pts, dts, body) for (pts, dts, _), body in zip(packets, bodies, strict=True)]


def _stamps(rng: np.random.Generator, packets: Packets) -> Packets:
    step = max(1, packets[1][1] - packets[0][1])
    kind, at = rng.integers(4), int(rng.integers(1, len(packets)))
    found = []
    for number, (pts, dts, body) in enumerate(packets):
        shift = 0
        if kind == 0 and number >= at:
            shift = step * int(rng.choice([40, 10_000]))
        elif kind == 1:
            shift = int(rng.integers(-step, step + 1))
        elif kind == 2 and number >= at:
            shift = -step * at
        elif kind == 3:
            shift = dts * int(rng.choice([3, 20]))
        found.append((max(0, pts + shift), max(0, dts + shift), body))
    return found


def _joined(rng: np.random.Generator, path: Path, codec: str, attack: Path, bona_fide: Path) -> None:
    """A living face for up to a second before, after or around an attack of a second or more."""
    alive, dead = pictures(bona_fide), pictures(attack)
    long = int(rng.integers(round(FPS * 1.2), len(dead) + 1))
    short = int(rng.integers(2, len(alive) + 1))
    where = rng.integers(3)
    before, after = (alive[:short] if where != 1 else []), (alive[:short] if where != 0 else [])
    coded(path, [*before, *dead[:long], *after], codec)


def _mixed(rng: np.random.Generator, path: Path, codec: str, attack: Path, bona_fide: Path) -> None:
    """Living frames by turns with those of an attack, at least every third of which is one."""
    alive, dead, every = pictures(bona_fide), pictures(attack), int(rng.integers(2, 4))
    phase = int(rng.integers(every))
    coded(path, [dead[n] if n % every == phase else alive[n] for n in range(len(dead))], codec)


def _glued(rng: np.random.Generator, path: Path, codec: str, attack: Path, bona_fide: Path) -> None:
    """Two files end to end, the attack's first: what stands behind its end is none of its own."""
    first = coded(path, pictures(attack), codec).read_bytes()
    second = coded(path, pictures(bona_fide), codec).read_bytes()
    path.write_bytes(first + second)


Fault = Callable[[np.random.Generator, Path, str, Path, Path], None]
FAULTS: dict[str, Fault] = {
    "bits flipped": _bits,
    "packets lost": _of_packets(_lost),
    "packets torn": _of_packets(_torn),
    "packets in another order": _of_packets(_order),
    "time stamps": _of_packets(_stamps),
    "bona fide face before or after": _joined,
    "bona fide frames by turns": _mixed,
    "cut off": _cut,
    "a bona fide file glued behind": _glued,
}


def summary(path: Path) -> int:
    """Prints what came of each fault; 1 if anything did that must not."""
    with path.open() as table:
        rows = list(csv.DictReader(table))
    print(
        "| fault | recordings | ATTACK | UNDECIDED | refused | LIVE | errors |\n|---|---|---|---|---|---|---|"
    )
    for fault in (*FAULTS, ""):
        found = Counter(row["verdict"] for row in rows if row["fault"].startswith(fault))
        cells = [found[word] for word in ("ATTACK", "UNDECIDED", "refused", "LIVE", "ERROR")]
        print(f"| {fault or 'all'} | {found.total()} | {' | '.join(map(str, cells))} |")
    slowest = max((float(row["seconds"]) for row in rows), default=0.0)
    print(f"slowest: {slowest:.1f} s of computing")
    bad = [row for row in rows if row["verdict"] in ("LIVE", "ERROR")]
    for row in bad:
        print("bad:", row)
    return 1 if bad or slowest > SLOW_S else 0


if __name__ == "__main__":
    sys.exit(main())
