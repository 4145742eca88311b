"""The protocols by name: functions from presentations to a split."""

from unmask.data.protocols.as_shipped import AS_SHIPPED
from unmask.data.protocols.casia_fasd import CASIA_PROTOCOLS
from unmask.data.protocols.cefa import CEFA
from unmask.data.protocols.cross import CROSS_PROTOCOLS
from unmask.data.protocols.msu_mfsd import MSU_PROTOCOLS
from unmask.data.protocols.oulu_npu import OULU_PROTOCOLS
from unmask.data.protocols.replay_attack import REPLAY_PROTOCOLS
from unmask.data.protocols.simulated import SIMULATED
from unmask.data.protocols.siw import SIW_PROTOCOLS
from unmask.data.protocols.siw_m import SIW_M
from unmask.data.protocols.wmca import WMCA
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
        *AS_SHIPPED,
        *SIW_M,
        *CEFA,
        *WMCA,
        *SIMULATED,
    )
}
