"""The command `unmask`.

Each command imports what it needs when it is called, so that `unmask --help` answers at once and the core
never waits for torch.
"""

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.cli_experiment import experiment
from unmask.app.cli_fghv import fghv
from unmask.app.cli_field import add_field_commands
from unmask.app.cli_report import report
from unmask.app.cli_root import EXIT_CODES, root
from unmask.app.cli_scores import convert, evaluate, score
from unmask.app.cli_sets import benchmark, data, doctor, simulate
from unmask.app.cli_sign import sign
from unmask.app.cli_train import export, search, train
from unmask.app.options import (
    MARGIN,
    Engine,
    Fps,
    InEngine,
    InPrecision,
    Jobs,
    Models,
    Point,
    Precision,
    Trust,
)
from unmask.app.serve import serve
from unmask.app.streams import complain, spell_out

app = typer.Typer(
    name="unmask",
    epilog=EXIT_CODES,
    invoke_without_command=True,
    add_completion=False,  # typer's own guesses the shell, and fails where it cannot
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(root)


class Packed(StrEnum):
    """How the pictures of clips are kept."""

    NPY = "npy"
    PNG = "png"


class DepthOf(StrEnum):
    """What depth labels are drawn from."""

    MESH = "mesh"
    REAL = "real"


@app.command()
def check(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Videos, images, folders of frames, camera:0, rtsp:// or http:// streams.", metavar="SOURCE"
        ),
    ],
    json_lines: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, see docs/json.md.")
    ] = False,
    annotate: Annotated[
        Path | None, typer.Option(help="Write the source with box, verdict and depth to this .mp4.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write one HTML page that needs nothing else.")] = None,
    model: Models = None,
    point: Point = "default",
    all_faces: Annotated[
        bool, typer.Option("--all-faces", help="Judge every face; the worst verdict counts.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(help="How much of a file is judged, from its start.", min=0.1)
    ] = 30.0,
    early_stop: Annotated[
        bool, typer.Option("--early-stop", help="Judge no more of a file once the verdict is there.")
    ] = False,
    fps: Fps = 30.0,
    precision: InPrecision = Precision.F32,
    trust: Trust = None,
) -> int:
    """Say LIVE, ATTACK or UNDECIDED for the face in each source.

    Exit code: 3 if any source could not be read, else 1 if any is ATTACK, else 2 if any is UNDECIDED, else 0.
    """
    from unmask.app.check import Wishes, run

    wishes = Wishes(
        json_lines=json_lines,
        annotate=annotate,
        report=report,
        models=tuple(model or ()),
        point=point,
        precision=precision.value,
        all_faces=all_faces,
        seconds=seconds,
        early_stop=early_stop,
        fps=fps,
        trust=trust,
    )
    return run(sources, wishes)


COMMANDS: tuple[Callable[..., int], ...] = (
    score,
    evaluate,
    report,
    convert,
    data,
    doctor,
    simulate,
    fghv,
    sign,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(benchmark, name="benchmark")
app.add_typer(experiment, name="experiment")
app.add_typer(serve, name="serve")
add_field_commands(app)


@app.command()
def prepare(
    dataset: Annotated[str, typer.Argument(help="Name of the data set; `folder` is any with labels.csv.")],
    root: Annotated[Path, typer.Argument(help="The folder that was unpacked.")],
    out: Annotated[Path, typer.Option(help="Folder for the shards and the manifest.")],
    protocol: Annotated[str, typer.Option(help="Prepare the parts of this protocol; else all as one.")] = "",
    clip_frames: Annotated[int, typer.Option(help="Frames of a clip.", min=1)] = 5,
    clip_stride: Annotated[float, typer.Option(help="Seconds between its frames.", min=0.001)] = 0.1,
    clip_size: Annotated[int, typer.Option(help="Pixels of its side.", min=32)] = 256,
    clip_scale: Annotated[float, typer.Option(help="Its side over the face's longer one.", min=1.0)] = 1.3,
    every: Annotated[float, typer.Option(help="Seconds between the starts of clips.", min=0.001)] = 0.5,
    seconds: Annotated[float, typer.Option(help="Of each video, from its start.", min=0.1)] = 10.0,
    margin: Annotated[
        float,
        typer.Option(help="Room around clips of train, in which each reading draws its crop anew.", min=0.0),
    ] = MARGIN,
    cuts: Annotated[
        int,
        typer.Option(help="Deprecated: fixed crops of each clip of train, in place of --margin.", min=1),
    ] = 1,
    seed: Annotated[int, typer.Option(help="The same seed moves the boxes alike.", min=0)] = 1,
    shard: Annotated[int, typer.Option(help="Presentations in a shard: what a kill may cost.", min=1)] = 16,
    pictures: Annotated[
        Packed, typer.Option(help="Plain bytes, or PNG: half the disk, read much slower. Both lossless.")
    ] = Packed.NPY,
    jobs: Jobs = 0,
    engine: InEngine = Engine.PROCESSES,
    depth: Annotated[
        DepthOf, typer.Option(help="What labels are drawn from: the face mesh, or the set's own depth maps.")
    ] = DepthOf.MESH,
) -> int:
    """Cut a data set into clips with depth labels and masks: shards and a manifest (needs the extra `data`).

    A run that was broken off goes on where it stood.
    """
    from unmask.app.prepare import Wishes, run
    from unmask.types import ClipSpec

    wishes = Wishes(
        clip=ClipSpec(frames=clip_frames, stride_s=clip_stride, size_px=clip_size, box_scale=clip_scale),
        protocol=protocol,
        every_s=every,
        seconds=seconds,
        cuts=cuts,
        margin=margin,
        seed=seed,
        shard=shard,
        pictures=pictures.value,
        jobs=jobs,
        engine=engine.value,
        depth=depth.value,
    )
    return run(dataset, root, out=out, wishes=wishes)


app.command()(train)
app.command()(search)
app.command()(export)


@app.command()
def assets() -> int:
    """Fetch the face models by pip, check them, and say where they are."""
    from unmask.app.progress import say
    from unmask.media.assets import face_models

    models = face_models(say)
    print(models.detector.parent)
    return 0


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the clips and the page.")] = Path("out/demo"),
    model: Models = None,
) -> int:
    """Simulate a living face, a print, a screen and a paper mask, and check each.

    Exit code: 0 if the living face is LIVE and no attack is, else 1.
    """
    from unmask.app.demo import run

    return run(out, models=tuple(model or ()))


def main() -> None:
    """Runs the command and exits; whatever goes wrong is one sentence on stderr and no 0."""
    spell_out()
    if "_UNMASK_COMPLETE" in os.environ:  # the shell asks what may come next
        from typer.completion import completion_init

        completion_init()
    try:
        code = app(prog_name="unmask", standalone_mode=False)
        sys.stdout.flush()  # a full disk shows itself here, not after the code is chosen
    except SystemExit:
        raise
    except BaseException as error:
        code = _fail(error)
    sys.exit(code)


def _fail(error: BaseException) -> int:
    from unmask.app.errors import explain

    sentence, code = explain(error)
    if os.environ.get("UNMASK_DEBUG"):
        import traceback

        traceback.print_exception(error)
    complain(f"unmask: {sentence}")
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # what is left would fail once more at exit, and change the code
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code


if __name__ == "__main__":
    main()
