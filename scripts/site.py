"""What mkdocs is asked to do beside its own work (mkdocs.yml, `hooks`).

Pages named in the navigation that are not written yet are left out, with the links to them; links to files
of the repository lead to its own pages; a mark on an example that no test runs is shown to the reader; and
the cards of the shipped models are made from their contracts, so that they cannot drift from them.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from unmask.detector.detector import packaged
from unmask.detector.model_file import read_file

GENERATED = ("models.md",)
NOT_RUN = re.compile(r"^<!-- not run: (.+?) -->$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Leave out of the navigation what is not written yet."""
    config.nav = _written(config.nav, Path(config.docs_dir))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, not written."""
    files.append(File.generated(config, "models.md", content=model_cards(packaged())))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links and marks into what a reader of the site can use."""
    shown = NOT_RUN.sub(r'<p class="notrun">Not run by the tests: \1.</p>', markdown)
    here = Path(page.file.src_uri).parent

    def link(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        if target.startswith("../") and here == Path("."):
            return f"[{words}]({config.extra['source']}/{target[3:]}{anchor})"
        if target in _planned(config) and files.get_file_from_path(target) is None:
            return words
        return found[0]

    return LINK.sub(link, shown)


def model_cards(paths: list[Path]) -> str:
    """The cards of these model files, as one page."""
    head = """# Model cards

Made from the contracts inside the shipped files when this site is built: what is said here travels with
the weights. `unmask check` refuses a file whose graph or contract differs by a byte from these hashes. The
networks are described in [the papers](papers.md); the error rates on real pictures, which are worse than a
reader of the tables below might hope, and what these models must not be used for stand in
[the threat model](threat-model.md).
"""
    return "\n".join([head, *(_card(path) for path in paths)])


def _card(path: Path) -> str:
    contract = read_file(path)[1]
    clip = contract.clip
    frames = "one frame" if clip.frames == 1 else f"{clip.frames} frames, {clip.stride_s} s apart"
    points = [
        f"| `{p.name}` | {p.precision} | {p.threshold:.4f} | {p.margin:.4f} | "
        f"{_percent(p.apcer)}, {p.worst_instrument} | {p.attacks} | {_percent(p.bpcer)} | {p.bona_fide} | "
        f"{p.measured_on} |"
        for p in contract.operating_points
    ]
    data = [f"| {d.name} | {d.items} | {d.licence} | {d.note} |" for d in contract.training_data]
    return f"""
## {contract.name} {contract.version}

| | in its contract |
| --- | --- |
| file | `{path.name}`, {path.stat().st_size:,} bytes |
| network | `{contract.network}` {dict(contract.arguments) or ""} |
| takes | {frames}, {clip.size_px} x {clip.size_px} px, the box {clip.box_scale} times the face |
| gives | a score in [0, 1], higher is more bona fide, no probability; depth maps of 32 x 32 |
| made by | {contract.command}; seed {contract.seed} |
| commit | `{contract.commit}` |
| SHA-256 of the graph | `{contract.payload_sha256}` |
| correlation between clips of one presentation | {contract.evidence_correlation:.3f} |

**Trained on**

| material | items | licence | note |
| --- | --- | --- | --- |
{chr(10).join(data)}

**Operating points**: APCER is that of the worst instrument. `margin` is the half-width of the band in which
one clip is weak evidence.

| point | precision | threshold | margin | APCER, of | attacks | BPCER | bona fide | measured on |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{chr(10).join(points)}
"""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _planned(config: MkDocsConfig) -> set[str]:
    text = Path(config.config_file_path).read_text(encoding="utf-8")
    return set(re.findall(r"^ +- (?:[^:\n]+: )?([\w/-]+\.md)$", text, re.MULTILINE))


def _written(nav: Any, docs: Path) -> Any:
    if isinstance(nav, str):
        return nav if nav in GENERATED or (docs / nav).is_file() else None
    if isinstance(nav, dict):
        kept = {title: _written(below, docs) for title, below in nav.items()}
        return {title: below for title, below in kept.items() if below} or None
    return [below for below in (_written(item, docs) for item in nav) if below]
