"""The protocols by name: functions from presentations to a split."""

from unmask.data.protocols.casia_fasd import CASIA_PROTOCOLS
from unmask.data.protocols.cross import CROSS_PROTOCOLS
from unmask.data.protocols.msu_mfsd import MSU_PROTOCOLS
from unmask.data.protocols.oulu_npu import OULU_PROTOCOLS
from unmask.data.protocols.replay_attack import REPLAY_PROTOCOLS
from unmask.data.protocols.siw import SIW_PROTOCOLS
from unmask.data.splits import Protocol

PROTOCOLS: dict[str, Protocol] = {
    row.name: row
    for row in (
        *OULU_PROTOCOLS,
        *SIW_PROTOCOLS,
        *CASIA_PROTOCOLS,
        *REPLAY_PROTOCOLS,
        *MSU_PROTOCOLS,
        *CROSS_PROTOCOLS,
    )
}
