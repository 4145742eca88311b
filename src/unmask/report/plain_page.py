"""The sheet that the shorter pages are set on: one HTML file, no scripts, nothing outside, fit for A4."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files

import jinja2
from markupsafe import Markup


def plain_page(title: str, body: str, *, made_at: datetime, wide: bool = True) -> str:
    """The page with that title around `body`, which is HTML; narrow ones are made for print."""
    return template("plain_page.html.j2").render(
        title=title,
        body=Markup(body),
        wide=wide,
        made_at=made_at.strftime("%Y-%m-%d %H:%M"),
        version=version("unmask"),
    )


@cache
def template(name: str, *filters: Callable[..., str]) -> jinja2.Template:
    """A template that lies beside this file; what it is given is escaped, what it lacks is an error.

    It may use the functions as filters, by their names.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update({function.__name__: function for function in filters})
    return environment.from_string(files("unmask.report").joinpath(name).read_text(encoding="utf-8"))
