"""What `unmask` itself answers, before any command: its version, its help, completion for shells."""

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
        from typer.completion import get_completion_script, install

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
