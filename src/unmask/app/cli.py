"""The command `unmask`: its commands by task, each in the file of its name, and how it ends.

A command's file is imported when the command is called, so that `unmask --help` answers at once and the core
never waits for torch. The file's docstring is the help of the command, and the function that bears the file's
name does the work: it takes one dataclass of options (`unmask.app.options`) and gives the exit code.
"""

import gc
import inspect
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from unmask.app.extras import extra_of
from unmask.app.root import Command, root, with_loudness, write_exit_codes
from unmask.app.streams import complain, spell_out

# task -> command -> the file, and function, that it is
COMMANDS: dict[str, dict[str, str]] = {
    "Judge": {
        "check": "check",
        "watch": "watch",
        "camera": "camera",
        "serve": "serve",
        "demo": "demo",
        "assets": "assets",
    },
    "Measure": {
        "score": "score",
        "evaluate": "evaluate",
        "report": "report",
        "convert": "convert",
        "stress": "stress",
        "selftest plan": "selftest_plan",
        "selftest report": "selftest_report",
    },
    "Fit to your own camera": {
        "calibrate": "calibrate",
        "adapt": "adapt",
        "sign": "sign",
        "import": "import_published",
    },
    "Data": {
        "data": "data",
        "doctor": "doctor",
        "prepare": "prepare",
        "simulate": "simulate",
        "benchmark make": "benchmark_make",
        "benchmark report": "benchmark_report",
    },
    "Train": {
        "train": "train",
        "search": "search",
        "export": "export",
        "fghv": "fghv",
        "benchmark ocim": "benchmark_ocim",
        "benchmark siw-m": "benchmark_siw_m",
        "experiment claims": "experiment_claims",
    },
}
PLAIN = None  # typer's boxes take 0.1 s to load, and are no help at 40 columns
GROUPS = {
    "selftest": "Plan a test of your own installation, and report what came of it; it is not a certificate.",
    "benchmark": "Make the open benchmark from a seed, show what is in it; train the cross-set benchmarks.",
    "experiment": "Try what the papers claim.",
}


class Later(TyperCommand):
    """A command that is known by its first sentence until it is called."""

    def __init__(self, name: str, module: str) -> None:
        super().__init__(name, help=_first_sentence(module), rich_markup_mode=PLAIN)
        self.module = module

    def real(self) -> Any:
        """The command with its options; imports its file."""
        with extra_of(self.module.replace("_", " ")):  # of the others the command itself says it
            file = import_module(f"unmask.app.{self.module}")
        gc.enable()  # see unmask.__main__
        called = getattr(file, self.module)
        if isinstance(called, typer.Typer):  # a command with commands of its own
            return typer.main.get_command(called)
        return _command_of(called, str(self.name), help_text=file.__doc__ or "")

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **more: Any) -> Any:
        """The context of the real command, which is imported here."""
        return self.real().make_context(info_name, args, parent, **more)


class Commands(TyperGroup):
    """The commands whose names begin with `prefix`."""

    prefix = ""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the table."""
        names = (name for rows in COMMANDS.values() for name in rows if name.startswith(self.prefix))
        return list(dict.fromkeys(name.removeprefix(self.prefix).split()[0] for name in names))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or the group, of that name; None where there is none."""
        whole = self.prefix + cmd_name
        for rows in COMMANDS.values():
            if whole in rows:
                return Later(cmd_name, rows[whole])
        return _group(whole) if whole in GROUPS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands by task, each with its whole first sentence."""
        shown: set[str] = set()
        for task, rows in COMMANDS.items():
            ours = [name.removeprefix(self.prefix) for name in rows if name.startswith(self.prefix)]
            names = [name for name in dict.fromkeys(name.split()[0] for name in ours) if name not in shown]
            shown.update(names)
            if names:  # a group's are few: one list
                with formatter.section("Commands" if self.prefix else task):
                    formatter.write_dl([(name, self.get_command(ctx, name).help) for name in names])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The exit codes."""
        if not self.prefix:
            write_exit_codes(formatter)


def _group(name: str) -> Commands:
    group = Commands(name=name, help=GROUPS[name], no_args_is_help=True, rich_markup_mode=PLAIN)
    group.prefix = f"{name} "
    return group


def _command_of(function: Callable[..., int], name: str, *, help_text: str) -> Any:
    from unmask.app.options import as_typer

    single = typer.Typer(add_completion=False, rich_markup_mode=PLAIN)
    takes_options = inspect.signature(function).parameters
    called = as_typer(function) if takes_options else with_loudness(function)
    single.command(name, cls=Command, help=inspect.cleandoc(help_text))(called)
    return typer.main.get_command(single)


def _first_sentence(module: str) -> str:
    """The first paragraph of the file's docstring, which is read without running the file."""
    text = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
    return " ".join(text.split('"""')[1].split("\n\n")[0].split())


app = typer.Typer(
    name="unmask",
    cls=Commands,
    invoke_without_command=True,
    add_completion=False,  # typer's own guesses the shell, and fails where it cannot
    pretty_exceptions_enable=False,
    rich_markup_mode=PLAIN,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(root)


def main() -> None:
    """Runs the command and exits; whatever goes wrong is one sentence on stderr and no 0."""
    spell_out()
    if "_UNMASK_COMPLETE" in os.environ:  # the shell asks what may come next
        from typer.completion import completion_init  # type: ignore[attr-defined]

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
