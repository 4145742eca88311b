"""Networks, one paper a file; `MODELS` is the register that commands, tests and weight files name them by."""

from collections.abc import Callable

from torch import nn

from unmask.models.output import Output
from unmask.models.presets import (
    sgtd_m_multi,
    sgtd_m_single,
    sgtd_multi,
    sgtd_s_multi,
    sgtd_s_single,
    sgtd_single,
)

MODELS: dict[str, Callable[..., nn.Module]] = {
    "sgtd_single": sgtd_single,
    "sgtd_multi": sgtd_multi,
    "sgtd_m_single": sgtd_m_single,
    "sgtd_m_multi": sgtd_m_multi,
    "sgtd_s_single": sgtd_s_single,
    "sgtd_s_multi": sgtd_s_multi,
}

__all__ = ["MODELS", "Output"]
