"""`unmask import`: published weights of another project -> a model file under our contract."""

from collections.abc import Sequence
from pathlib import Path

from unmask.app.progress import say
from unmask.files import atomic_path, keep_inputs
from unmask.types import SettingsError


def run(network: str, files: Sequence[Path], *, out: Path) -> int:
    """Reads the files, writes the model; 0 once that is done. `network` is "minifasnet"."""
    from unmask.models.export import export
    from unmask.models.silentface import published_contract, read_published

    if network != "minifasnet":
        raise SettingsError(f"the networks that can be imported are minifasnet, not {network!r}")
    keep_inputs({"--out": out}, list(files))
    module, published = read_published(files)
    with atomic_path(out) as part:
        contract = export(module, published_contract(published), part, half=False)
    point = contract.operating_points[0]
    say(f"model: {out}, {contract.name} {contract.version}, {contract.training_data[0].licence}")
    say(f"second opinion: unmask check SOURCE --model default --model {out}")
    say(f"default point: {point.measured_on}")
    return 0
