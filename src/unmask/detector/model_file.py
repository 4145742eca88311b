"""A model file: an ONNX graph with its contract in the metadata, both unaltered.

The package `onnx` takes longer to load than such a file to check. Its format is a list of fields, so the
contract is found, and all the rest hashed, without knowing what the rest says; a file whose hash is not right
this way, because another library wrote its fields in another order, is read by the package.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from unmask.contract import CONTRACT_KEY, Contract, from_json, onnx_sha256, to_json
from unmask.media.regular import refuse_special
from unmask.signature import check_signature
from unmask.types import ModelError

LARGEST_FILE = 2**30  # bytes
METADATA, KEY, VALUE = 14, 1, 2  # numbers of fields, of a ModelProto and of an entry of its metadata
VARINT, LENGTH_DELIMITED = 0, 2  # the kinds of fields that a ModelProto has


def read_file(path: str | Path, *, trusted: str | Path | None = None) -> tuple[bytes, Contract]:
    """The bytes of an ONNX file and its contract, both unaltered, and with a public key `trusted` signed by
    its owner.

    Raises ModelError, and SettingsError where `trusted` is not a public key.
    """
    path = Path(path)
    refuse_special(path, error=ModelError)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ModelError(
                f"{path} is larger than {LARGEST_FILE} bytes and no model of ours; name another file"
            )
        graph = path.read_bytes()
    except OSError as missing:
        raise ModelError(
            f"model {path} cannot be read ({missing.strerror}); name an exported .onnx file"
        ) from missing
    if trusted is not None:
        check_signature(graph, path, trusted)
    text, digest = contract_and_rest(graph) or (None, "")
    if text is not None:
        contract = from_json(text, origin=str(path))
        if digest == contract.payload_sha256 and to_json(contract) == text:
            return graph, contract
    return graph, _read_by_onnx(graph, origin=str(path))


def contract_and_rest(graph: bytes) -> tuple[str, str] | None:
    """The contract of an ONNX file, unread, and the SHA-256 of the bytes without its entry.

    None where there is not exactly one, or the fields are not those of such a file.
    """
    found = []
    try:
        for number, start, body, end in _fields(graph, 0, len(graph)):
            if number == METADATA:
                entry = {n: graph[b:e] for n, _, b, e in _fields(graph, body, end)}
                if entry[KEY] == CONTRACT_KEY.encode():
                    found.append((start, end, entry[VALUE].decode()))
    except (ValueError, LookupError):
        return None
    if len(found) != 1:
        return None
    ((start, end, text),) = found
    whole = memoryview(graph)
    digest = hashlib.sha256(whole[:start])
    digest.update(whole[end:])
    return text, digest.hexdigest()


def _fields(content: bytes, start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """(number, where it starts, where its value starts, where it ends) of each field.

    ValueError or IndexError where they do not fill the bytes from `start` to `stop`.
    """
    while start < stop:
        tag, body = _varint(content, start)
        size, after = _varint(content, body)
        if tag & 7 == LENGTH_DELIMITED:
            body, end = after, after + size
        elif tag & 7 == VARINT:
            end = after
        else:
            raise ValueError(f"a field of kind {tag & 7}")
        if end > stop:
            raise ValueError("a field ends beyond its message")
        yield tag >> 3, start, body, end
        start = end


def _varint(content: bytes, start: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for place in range(10):
        byte = content[start + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, start + place + 1
    raise ValueError("a number of more than ten bytes")


def _read_by_onnx(graph: bytes, *, origin: str) -> Contract:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(graph)
    except DecodeError as broken:
        raise ModelError(f"{origin} is not an ONNX file, or was cut or altered; fetch it again") from broken
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    text = metadata.get(CONTRACT_KEY)
    contract = from_json(text, origin=origin)
    if onnx_sha256(model) != contract.payload_sha256 or to_json(contract) != text:
        raise ModelError(f"{origin} was altered: it does not match the hash in its contract; fetch it again")
    return contract
