"""Weights and their contract in one safetensors file; nothing else is needed to build the network again."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from unmask.contract import CONTRACT_KEY, Contract, from_json, sealed, tensors_sha256, to_json
from unmask.files import write_bytes
from unmask.models import MODELS, TrainableNetwork
from unmask.types import ModelError


def save(path: str | Path, network: TrainableNetwork, contract: Contract) -> Contract:
    """Write the file whole or not at all; the contract comes back sealed with the hash of the tensors."""
    _check_row(contract, origin=str(path))
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    contract = sealed(contract, _sha256(tensors))
    write_bytes(path, save_tensors(tensors, metadata={CONTRACT_KEY: to_json(contract)}))
    return contract


def load(path: str | Path) -> tuple[TrainableNetwork, Contract]:
    """The network in evaluation mode and its contract; ModelError for a file missing, altered or bare."""
    if not Path(path).is_file():
        raise ModelError(f"there is no weights file {path}; train one or take a released file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, ValueError) as broken:  # ValueError: a header that is not UTF-8
        raise ModelError(f"{path} is not a readable safetensors file ({broken}); fetch it again") from broken
    contract = from_json(metadata.get(CONTRACT_KEY), origin=str(path))
    if _sha256(tensors) != contract.payload_sha256:
        raise ModelError(
            f"{path} was altered: its tensors do not match the hash in its contract; fetch it again"
        )
    _check_row(contract, origin=str(path))
    network = MODELS[contract.network](**contract.arguments)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as misfit:
        raise ModelError(
            f"{path} does not fit network {contract.network}: {misfit}; fetch it again"
        ) from misfit
    return network.eval(), contract


def _check_row(contract: Contract, *, origin: str) -> None:
    if contract.network not in MODELS:
        raise ModelError(
            f"{origin} is for network {contract.network}; this version knows {', '.join(MODELS)}"
        )


def _sha256(tensors: dict[str, Tensor]) -> str:
    return tensors_sha256({name: tensor.numpy() for name, tensor in tensors.items()})
