"""The protocols by name: functions from presentations to a split."""

from unmask.data.protocols.as_shipped import AS_SHIPPED
from unmask.data.protocols.cefa import CEFA
from unmask.data.protocols.simulated import SIMULATED
from unmask.data.protocols.siw_m import SIW_M
from unmask.data.protocols.wmca import WMCA
from unmask.data.splits import Protocol

PROTOCOLS: dict[str, Protocol] = {
    row.name: row
    for row in (
        *AS_SHIPPED,
        *SIW_M,
        *CEFA,
        *WMCA,
        *SIMULATED,
    )
}
