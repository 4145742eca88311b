"""What `unmask` itself answers, before any command: its version, its help, completion for shells."""

from enum import StrEnum
from typing import Annotated

import typer

EXIT_CODES = {
    "0": "done; of `check`, every source is LIVE",
    "1": "of `check`, an ATTACK; of `demo`, `doctor` and `experiment`, something is wrong",
    "2": "of `check`, UNDECIDED and no ATTACK",
    "3": "something could not be read or written",
    "4": "wrong use, or a fault of unmask",
    "130, 143": "ended by Ctrl-C or SIGTERM",
}


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
