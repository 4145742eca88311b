"""The data sets by name: one file each, from the unpacked archive to presentations."""

from unmask.data.sets.casia_fasd import CASIA_FASD
from unmask.data.sets.casia_surf import CASIA_SURF
from unmask.data.sets.cefa import CEFA
from unmask.data.sets.celeba_spoof import CELEBA_SPOOF
from unmask.data.sets.fas_sgtd import FAS_SGTD
from unmask.data.sets.labelled_folder import FOLDER
from unmask.data.sets.msu_mfsd import MSU_MFSD
from unmask.data.sets.oulu_npu import OULU_NPU
from unmask.data.sets.replay_attack import REPLAY_ATTACK
from unmask.data.sets.rgbd import RGBD
from unmask.data.sets.rose_youtu import ROSE_YOUTU
from unmask.data.sets.simulated import SIMULATED
from unmask.data.sets.siw import SIW
from unmask.data.sets.siw_m import SIW_M
from unmask.data.sets.siw_m_v2 import SIW_M_V2
from unmask.data.sets.wmca import HQ_WMCA, WMCA
from unmask.data.splits import DataSet

DATASETS: dict[str, DataSet] = {
    row.name: row
    for row in (
        OULU_NPU,
        SIW,
        CASIA_FASD,
        REPLAY_ATTACK,
        MSU_MFSD,
        SIW_M,
        SIW_M_V2,
        ROSE_YOUTU,
        CELEBA_SPOOF,
        CASIA_SURF,
        CEFA,
        WMCA,
        HQ_WMCA,
        RGBD,
        FAS_SGTD,
        FOLDER,
        SIMULATED,
    )
}
