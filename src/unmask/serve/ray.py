"""The application on Ray Serve: `serve run unmask.serve.ray:app`.

Replicas share the database alone, so it has to be PostgreSQL where they are on several machines. They read
the settings from the environment: UNMASK_DATABASE, and UNMASK_SERVE_SETTINGS, a JSON object with fields of
ServeSettings. A replica that dies takes no session with it: the browser connects again, to another one.
"""

import json
import os
from dataclasses import fields
from typing import Any

from fastapi import FastAPI
from ray import serve

from unmask.serve.application import create_app
from unmask.serve.logs import to_stderr
from unmask.serve.settings import ServeSettings
from unmask.types import SettingsError

REPLICAS = 2


def from_environment() -> ServeSettings:
    """The settings that the environment names; SettingsError where it names one that there is not."""
    written = os.environ.get("UNMASK_SERVE_SETTINGS", "{}")
    try:
        given = json.loads(written)
    except ValueError as broken:
        raise SettingsError("UNMASK_SERVE_SETTINGS must be a JSON object") from broken
    known = {field.name for field in fields(ServeSettings)}
    if not isinstance(given, dict) or given.keys() - known:
        raise SettingsError(f"UNMASK_SERVE_SETTINGS must be a JSON object of {', '.join(sorted(known))}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
    }
    if "UNMASK_DATABASE" in os.environ:
        values["database"] = os.environ["UNMASK_DATABASE"]
    return ServeSettings(**values)


def replica_app() -> FastAPI:
    """The application of one replica; called there."""
    to_stderr()
    return create_app(from_environment())


deployed = serve.deployment(
    name="unmask", num_replicas=REPLICAS, max_ongoing_requests=100, graceful_shutdown_timeout_s=30
)
app = deployed(serve.ingress(replica_app)()).bind()
