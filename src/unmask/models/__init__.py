"""Networks, one paper a file; `MODELS` is the register that commands, tests and weight files name them by.

`_s` is a narrow preset for CPUs and clips of 128x128, `_m` a middle one, `_e` stands on the frozen encoder;
the others have the published widths.
"""

from collections.abc import Callable
from functools import partial

from unmask.models.baselines.adapters import adapters
from unmask.models.baselines.auxiliary import auxiliary
from unmask.models.baselines.cdcn import cdcn
from unmask.models.baselines.clip_vit import clip_vit
from unmask.models.baselines.deeppixbis import deeppixbis
from unmask.models.baselines.flip import flip_it, flip_v
from unmask.models.baselines.linear_probe import linear_probe
from unmask.models.baselines.minifasnet import minifasnet
from unmask.models.baselines.resnet import resnet18
from unmask.models.baselines.sa_fas import sa_fas
from unmask.models.baselines.ssan import ssan
from unmask.models.baselines.ssdg import ssdg
from unmask.models.encoded import sgtd_e
from unmask.models.encoder import encoder
from unmask.models.fghv.network import ENCODED, NARROW, WIDE, fghv
from unmask.models.network import TrainableNetwork
from unmask.models.output import Output
from unmask.models.presets import off_gru_multi, sgtd_multi, sgtd_single
from unmask.models.sgtd.form import MEDIUM, OFF_PAPER, OFF_SMALL, PAPER, SMALL

MODELS: dict[str, Callable[..., TrainableNetwork]] = {
    "sgtd_single": partial(sgtd_single, PAPER),
    "sgtd_multi": partial(sgtd_multi, PAPER),
    "sgtd_m_single": partial(sgtd_single, MEDIUM),
    "sgtd_m_multi": partial(sgtd_multi, MEDIUM),
    "sgtd_s_single": partial(sgtd_single, SMALL),
    "sgtd_s_multi": partial(sgtd_multi, SMALL),
    "off_gru_single": partial(sgtd_single, OFF_PAPER),
    "off_gru_multi": partial(off_gru_multi, OFF_PAPER),
    "off_gru_s_single": partial(sgtd_single, OFF_SMALL),
    "off_gru_s_multi": partial(off_gru_multi, OFF_SMALL),
    "auxiliary": auxiliary,
    "auxiliary_s": partial(auxiliary, width=8, shrink=2),
    "cdcn": cdcn,
    "cdcn_s": partial(cdcn, width=8, shrink=2),
    "clip_vit": clip_vit,
    "deeppixbis": deeppixbis,
    "deeppixbis_s": partial(deeppixbis, size_px=128, growth=8),
    "minifasnet": minifasnet,
    "minifasnet_s": partial(minifasnet, size_px=128, shrink=2),
    "resnet18": resnet18,
    "resnet18_s": partial(resnet18, width=16),
    "ssdg": ssdg,
    "ssdg_s": partial(ssdg, width=16),
    "ssan": ssan,
    "ssan_s": partial(ssan, width=16),
    "sa_fas": sa_fas,
    "sa_fas_s": partial(sa_fas, width=16),
    "linear_probe": linear_probe,
    "adapters": adapters,
    "flip_v": flip_v,
    "flip_it": flip_it,
    "encoder": encoder,
    "fghv": partial(fghv, WIDE),
    "fghv_s": partial(fghv, NARROW),
    "sgtd_e": sgtd_e,
    "fghv_e": partial(fghv, ENCODED, backbone="encoder", channels=3),
}

__all__ = ["MODELS", "Output", "TrainableNetwork"]
