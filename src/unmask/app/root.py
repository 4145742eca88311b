"""What `unmask` itself answers, before any command: its version, its help, completion for shells."""

import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

EXIT_CODES = {
    "0": "done; of `check`, every source is LIVE",
    "1": "of `check`, an ATTACK; of `demo`, `doctor`, `experiment` and `serve audit`, something is wrong",
    "2": "of `check`, UNDECIDED and no ATTACK",
    "3": "something could not be read or written",
    "4": "wrong use, or a fault of unmask",
    "130, 143": "ended by Ctrl-C or SIGTERM",
}


def write_exit_codes(formatter: Any) -> None:
    """The one table, which is the same below the help of every command."""
    with formatter.section("Exit codes of all commands"):
        formatter.write_dl(list(EXIT_CODES.items()))


class Command(TyperCommand):
    """A command whose help ends with the exit codes."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The exit codes."""
        write_exit_codes(formatter)


class Group(TyperGroup):
    """The same for a command with commands of its own."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The exit codes."""
        write_exit_codes(formatter)


class Shell(StrEnum):
    """Shells that completion is written for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"
    PWSH = "pwsh"


LOUDNESS = {
    "quiet": Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no notes; warnings and errors stay.")
    ],
    "verbose": Annotated[
        bool, typer.Option("--verbose", "-v", help="Say how long it took, and trace errors of unmask.")
    ],
}


def with_loudness(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with `--quiet` and `--verbose` as its last options, which hold until it ends.

    Those of `unmask` and `unmask serve` hold for the commands below them, too.
    """
    own = list(inspect.signature(function).parameters.values())
    keyword = inspect.Parameter.KEYWORD_ONLY
    asks = any(parameter.name == "context" for parameter in own)

    def called(*, context: typer.Context, quiet: bool, verbose: bool, **values: Any) -> Any:
        if quiet or verbose:
            from unmask.app.progress import loudness  # `unmask --help` does without it

            context.with_resource(loudness(quiet=quiet, verbose=verbose))
        return function(**values, **({"context": context} if asks else {}))

    parameters = [] if asks else [inspect.Parameter("context", keyword, annotation=typer.Context)]
    parameters += [parameter.replace(kind=keyword) for parameter in own]
    parameters += [
        inspect.Parameter(name, keyword, annotation=kind, default=False) for name, kind in LOUDNESS.items()
    ]
    called.__doc__ = function.__doc__
    called.__name__ = function.__name__
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    return called


@with_loudness
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    show_completion: Annotated[
        Shell | None, typer.Option(help="Print the completion script for this shell and exit.")
    ] = None,
    install_completion: Annotated[
        Shell | None, typer.Option(help="Install completion for this shell and exit.")
    ] = None,
) -> None:
    """Tells whether the face in front of a camera is a living person or a presentation attack."""
    if version:
        from unmask import __version__

        print(f"unmask {__version__}")
        raise typer.Exit
    if show_completion or install_completion:
        from typer.completion import get_completion_script, install  # type: ignore[attr-defined]

        if show_completion:
            name = show_completion.value
            print(get_completion_script(prog_name="unmask", complete_var="_UNMASK_COMPLETE", shell=name))
        if install_completion:
            name, path = install(shell=install_completion.value, prog_name="unmask")
            print(f"completion for {name}: {path}; it takes effect in new terminals")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit
