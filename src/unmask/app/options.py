"""The options of commands: each command has one dataclass of them, read by typer, and what several share.

A field is an option with its default and its help, written once. Fields of a tuple may be given again; a
`Choices` beside the option takes its values from the registry of the package that knows them.
"""

import inspect
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer
from typer.models import ArgumentInfo

from unmask.app.root import with_loudness

PRECISIONS = ("f32", "bf16", "int8")  # operating points are measured at each; those of contract.PRECISIONS
DEVICES = ("auto", "cpu", "gpu", "npu")  # detector.runtimes.DEVICES, which would load OpenVINO
ENGINES = ("processes", "ray")  # the rows of parallel.ENGINES, which loads numpy


MARGIN = 0.1  # room around clips of train, a share of their side, where nothing else is asked for


@dataclass(frozen=True, slots=True)
class Choices:
    """The names that a text may be: the rows of a registry."""

    names: Iterable[str]


Models = Annotated[
    tuple[Path, ...],
    typer.Option(
        "--model",
        help="Exported .onnx file in place of the packaged models, which `default` names. Given again, "
        "one is for pictures and one for video; models of as many frames are fused.",
    ),
]
Trust = Annotated[
    Path | None,
    typer.Option("--trust", help="Public key: refuse models that its owner did not sign (`unmask sign`)."),
]
Labels = Annotated[
    Path | None, typer.Option(help="CSV with path,label,instrument; FOLDER/labels.csv if not given.")
]
Point = Annotated[str, typer.Option(help="Operating point: a named threshold in the model's contract.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)]
ModelOut = Annotated[Path, typer.Option(help="The model file to write.")]
ScoresOut = Annotated[Path, typer.Option(help="Where the score of each presentation goes.")]
Portraits = Annotated[Path | None, typer.Option(help="Folder of portraits; without one, faces are drawn.")]
Backgrounds = Annotated[
    Path | None, typer.Option(help="Folder of pictures of rooms; without one, rooms are drawn.")
]
Page = Annotated[Path | None, typer.Option(help="Write one HTML page that needs nothing else.")]
Rounds = Annotated[int, typer.Option(help="Draws of the bootstrap; 0 for no intervals.", min=0)]


@dataclass(frozen=True, kw_only=True)
class InferenceOptions:
    """How a model runs."""

    fps: Annotated[
        float, typer.Option(help="Frames a second of folders of frames, which carry no clock.", min=0.1)
    ] = 30.0
    precision: Annotated[
        str,
        Choices(PRECISIONS),
        typer.Option(
            help="Precision of the network: the packaged models have each, others those of their export."
        ),
    ] = "f32"
    device: Annotated[
        str,
        Choices(DEVICES),
        typer.Option(help="What runs the network; auto is the processor, where thresholds were measured."),
    ] = "auto"


@dataclass(frozen=True, kw_only=True)
class ModelOptions(InferenceOptions):
    """Which models judge, at which threshold."""

    models: Models = ()
    point: Point = "default"


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """How many processes share the work."""

    jobs: Annotated[int, typer.Option(help="Processes; 0 is one for each core.", min=0)] = 0


@dataclass(frozen=True, kw_only=True)
class EngineOptions(JobOptions):
    """Where the work is done."""

    engine: Annotated[
        str,
        Choices(ENGINES),
        typer.Option(help="Processes here, or the Ray cluster of RAY_ADDRESS (extra `scale`)."),
    ] = "processes"


def as_typer(function: Callable[[Any], int]) -> Callable[..., int]:
    """The function of one dataclass of options as a function of keywords that typer reads.

    Its signature has the dataclass' own fields first and shared ones after them.
    """
    (parameter,) = inspect.signature(function).parameters.values()
    options: type[Any] = parameter.annotation
    hints = get_type_hints(options, include_extras=True)
    own = [field for field in fields(options) if field.name in options.__annotations__]
    shared = [field for field in fields(options) if field.name not in options.__annotations__]
    parameters, many = [], set()
    for field in (*own, *shared):
        hint, repeats = _read(hints[field.name], name=field.name)
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        if repeats:
            many.add(field.name)
            default = None if default == () else default
        parameters.append(
            inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=default)
        )

    def called(**values: Any) -> int:
        for name in many:
            values[name] = tuple(values[name] or ())
        return function(options(**values))

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return with_loudness(called)


def _read(hint: Any, *, name: str) -> tuple[Any, bool]:
    """A field's type as typer takes it, and whether its option may be given again."""
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    kind = get_args(hint)[0] if marks else hint
    for choices in (mark for mark in marks if isinstance(mark, Choices)):
        one_of = Literal[tuple(choices.names)]  # type: ignore[valid-type]
        kind = one_of | None if type(None) in get_args(kind) else one_of
    repeats = get_origin(kind) is tuple
    if repeats:
        kind = list[get_args(kind)[0]] | None  # type: ignore[misc]
    kept = tuple(_in_capitals(mark, name) for mark in marks if not isinstance(mark, Choices))
    return (Annotated[(kind, *kept)] if kept else kind), repeats


def _in_capitals(mark: Any, name: str) -> Any:
    """An argument as help shows it, NAME where nothing else was said; an option as it is."""
    if isinstance(mark, ArgumentInfo) and mark.metavar is None:
        mark = copy(mark)
        mark.metavar = name.upper()
    return mark
