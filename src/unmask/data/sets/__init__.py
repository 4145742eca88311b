"""The data sets by name: one file each, from the unpacked archive to presentations."""

from unmask.data.sets.casia_fasd import CASIA_FASD
from unmask.data.sets.msu_mfsd import MSU_MFSD
from unmask.data.sets.oulu_npu import OULU_NPU
from unmask.data.sets.replay_attack import REPLAY_ATTACK
from unmask.data.sets.siw import SIW
from unmask.data.splits import DataSet

DATASETS: dict[str, DataSet] = {
    row.name: row
    for row in (
        OULU_NPU,
        SIW,
        CASIA_FASD,
        REPLAY_ATTACK,
        MSU_MFSD,
    )
}
