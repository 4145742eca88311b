"""Phones, tablets and monitors: what their panels and glass are like."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel: `device` it is built into, `long_m` its longer side, `pixels` (across, along) when upright.

    `lattice` of its subpixels; `brightest`: its white over white paper's in a room, at most; `contrast` white
    over black; `falloff`: its light falls by the cosine of the angle to this power. `pulse_hz` and
    `pulse_depth` of its backlight or rows; `mirrors` the share that its glass reflects at right angles;
    `notch` and `corner_m`: what its panel lacks.
    """

    device: str
    long_m: float
    pixels: tuple[int, int]
    lattice: str
    brightest: float
    contrast: float
    gamma: float
    falloff: float
    pulse_hz: float
    pulse_depth: float
    mirrors: float
    notch: str = "none"
    corner_m: float = 0.0

    @property
    def short_m(self) -> float:
        """The shorter side: pixels are square."""
        return self.long_m * self.pixels[0] / self.pixels[1]


DISPLAYS: dict[str, Panel] = {
    "phone-oled-pentile": Panel(
        device="phone", long_m=0.1413, pixels=(1080, 2340), lattice="oled", brightest=8.0, contrast=1e5,
        gamma=2.2, falloff=0.5, pulse_hz=240.0, pulse_depth=0.7, mirrors=0.043, notch="hole", corner_m=0.006,
    ),
    "phone-oled-notch": Panel(
        device="phone", long_m=0.1397, pixels=(1170, 2532), lattice="oled", brightest=8.0, contrast=1e5,
        gamma=2.2, falloff=0.5, pulse_hz=480.0, pulse_depth=0.4, mirrors=0.045, notch="notch", corner_m=0.009,
    ),
    "phone-lcd": Panel(
        device="phone", long_m=0.1505, pixels=(720, 1600), lattice="lcd", brightest=4.0, contrast=1200.0,
        gamma=2.2, falloff=1.3, pulse_hz=240.0, pulse_depth=0.1, mirrors=0.05, notch="drop", corner_m=0.005,
    ),
    "phone-lcd-small": Panel(
        device="phone", long_m=0.1041, pixels=(750, 1334), lattice="lcd", brightest=5.0, contrast=1400.0,
        gamma=2.2, falloff=1.1, pulse_hz=240.0, pulse_depth=0.0, mirrors=0.043,
    ),
    "tablet-lcd": Panel(
        device="tablet", long_m=0.2073, pixels=(1620, 2160), lattice="lcd", brightest=4.5, contrast=1000.0,
        gamma=2.2, falloff=1.1, pulse_hz=240.0, pulse_depth=0.0, mirrors=0.05, corner_m=0.0,
    ),
    "tablet-lcd-cheap": Panel(
        device="tablet", long_m=0.2175, pixels=(800, 1280), lattice="lcd", brightest=2.5, contrast=500.0,
        gamma=2.0, falloff=2.2, pulse_hz=220.0, pulse_depth=0.6, mirrors=0.06,
    ),
    "tablet-oled": Panel(
        device="tablet", long_m=0.2369, pixels=(1600, 2560), lattice="oled", brightest=5.0, contrast=1e5,
        gamma=2.2, falloff=0.5, pulse_hz=240.0, pulse_depth=0.6, mirrors=0.045, corner_m=0.004,
    ),
    "monitor-lcd-24": Panel(
        device="monitor", long_m=0.5313, pixels=(1080, 1920), lattice="lcd", brightest=2.5, contrast=900.0,
        gamma=2.2, falloff=1.2, pulse_hz=240.0, pulse_depth=0.0, mirrors=0.012,
    ),
    "monitor-lcd-27": Panel(
        device="monitor", long_m=0.5967, pixels=(1440, 2560), lattice="lcd", brightest=3.0, contrast=1100.0,
        gamma=2.2, falloff=1.1, pulse_hz=240.0, pulse_depth=0.0, mirrors=0.01,
    ),
    "monitor-tn-22": Panel(
        device="monitor", long_m=0.4738, pixels=(1050, 1680), lattice="lcd", brightest=2.0, contrast=600.0,
        gamma=2.0, falloff=2.6, pulse_hz=200.0, pulse_depth=0.5, mirrors=0.012,
    ),
    "laptop-matt": Panel(
        device="monitor", long_m=0.3094, pixels=(1080, 1920), lattice="lcd", brightest=2.0, contrast=700.0,
        gamma=2.2, falloff=1.6, pulse_hz=220.0, pulse_depth=0.4, mirrors=0.012,
    ),
    "laptop-glossy": Panel(
        device="monitor", long_m=0.2865, pixels=(1600, 2560), lattice="lcd", brightest=3.5, contrast=1000.0,
        gamma=2.2, falloff=1.1, pulse_hz=240.0, pulse_depth=0.0, mirrors=0.045,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What displays are built into: ranges (low, high) of its frame, how it is held, and what it shows."""

    bezel_m: tuple[float, float]
    corner_m: tuple[float, float]
    hands: tuple[int, ...]
    upright: float  # how often it stands upright
    room: tuple[float, float]  # face sides that its picture shows
    interfaces: tuple[str, ...]


DEVICES: dict[str, Device] = {
    "phone": Device(
        bezel_m=(0.002, 0.007), corner_m=(0.006, 0.011), hands=(1, 1, 1, 2, 0), upright=0.85,
        room=(1.05, 2.4), interfaces=("bare", "bare", "bare", "status", "player", "social", "chat"),
    ),
    "tablet": Device(
        bezel_m=(0.005, 0.02), corner_m=(0.004, 0.012), hands=(0, 1, 1, 2), upright=0.6, room=(1.1, 3.0),
        interfaces=("bare", "bare", "bare", "status", "player", "social"),
    ),
    "monitor": Device(
        bezel_m=(0.005, 0.025), corner_m=(0.0, 0.004), hands=(0,), upright=0.0, room=(1.2, 4.0),
        interfaces=("bare", "bare", "player", "desktop", "desktop"),
    ),
}  # fmt: skip


def models_of(device: str) -> tuple[str, ...]:
    """The names of the displays that device may have."""
    return tuple(name for name, row in DISPLAYS.items() if row.device == device)
