"""What a user has to know of the models that judge, read out of their contracts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from unmask.contract import Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFigures:
    """Error rates of one operating point, with the counts they stand on and where they were measured."""

    point: str
    precision: str
    threshold: float
    apcer: float
    worst_instrument: str
    attacks: int
    bpcer: float
    bona_fide: int
    measured_on: str

    def __str__(self) -> str:
        return (
            f"{self.point} ({self.precision}), threshold {self.threshold:.3f}: APCER {self.apcer:.1%} of "
            f"{self.attacks} attacks, worst of {self.worst_instrument}; BPCER {self.bpcer:.1%} of "
            f"{self.bona_fide} bona fide; measured on {self.measured_on}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One model: `licences` maps its training data to their licences."""

    name: str
    version: str
    sha256: str
    frames: int
    licences: dict[str, str]
    figures: tuple[ModelFigures, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"{self.name} {self.version}, {self.frames} {'frame' if self.frames == 1 else 'frames'} a clip",
            *(f"  trained on {name}: {licence}" for name, licence in self.licences.items()),
            *(f"  {figures}" for figures in self.figures),
        ]
        return "\n".join(lines)


def model_cards(contracts: Sequence[Contract]) -> list[ModelCard]:
    """A card for each contract."""
    return [
        ModelCard(
            name=contract.name,
            version=contract.version,
            sha256=contract.payload_sha256,
            frames=contract.clip.frames,
            licences={row.name: row.licence for row in contract.training_data},
            figures=tuple(
                ModelFigures(
                    point=point.name,
                    precision=point.precision,
                    threshold=point.threshold,
                    apcer=point.apcer,
                    worst_instrument=point.worst_instrument,
                    attacks=point.attacks,
                    bpcer=point.bpcer,
                    bona_fide=point.bona_fide,
                    measured_on=point.measured_on,
                )
                for point in contract.operating_points
            ),
        )
        for contract in contracts
    ]
