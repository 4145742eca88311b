"""The sheet that the shorter pages are set on: one HTML file, no scripts, nothing outside, fit for A4."""

from datetime import datetime
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


def template(name: str) -> jinja2.Template:
    """A template that lies beside this file; what it is given is escaped, what it lacks is an error."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(files("unmask.report").joinpath(name).read_text(encoding="utf-8"))
