"""The data sets by name: one file each, from the unpacked archive to presentations."""

from unmask.data.sets.casia_surf import COUNTS as CASIA_SURF_COUNTS
from unmask.data.sets.casia_surf import casia_surf
from unmask.data.sets.cefa import cefa
from unmask.data.sets.celeba_spoof import celeba_spoof
from unmask.data.sets.labelled_folder import labelled_folder
from unmask.data.sets.rgbd import rgbd
from unmask.data.sets.rose_youtu import rose_youtu
from unmask.data.sets.simulated import simulated
from unmask.data.sets.siw_m import siw_m
from unmask.data.sets.siw_m_v2 import siw_m_v2
from unmask.data.sets.wmca import hq_wmca, wmca
from unmask.data.splits import ALL, DataSet

BY_AGREEMENT = "research only, by an agreement that a permanent member of staff signs"

DATASETS: dict[str, DataSet] = {
    "siw-m": DataSet(
        name="siw-m",
        title="SiW-M, version 1",
        paper="Liu et al.: Deep Tree Learning for Zero-shot Face Anti-Spoofing, CVPR 2019",
        licence=BY_AGREEMENT,
        apply="no longer distributed; version 2 has taken its place",
        layout="Live/{Train,Test}/*.mov\nReplay/*.mov\nPaper/*.mov\n"
        "Makeup/{Cosmetic,Impersonation,Obfuscation}/*.mov\n"
        "Mask/{HalfMask,MannequinHead,PaperMask,SiliconeMask,TransparentMask}/*.mov\n"
        "Partial/{FunnyeyeGlasses,PaperCut,PaperGlasses}/*.mov",
        read=siw_m,
        counts={ALL: (660, 968)},
    ),
    "siw-m-v2": DataSet(
        name="siw-m-v2",
        title="SiW-Mv2",
        paper="Guo, Liu, Jain, Liu: Multi-domain Learning for Updating Face Anti-spoofing Models, ECCV 2022",
        licence=BY_AGREEMENT,
        apply="https://github.com/CHELSEA234/Multi-domain-learning-FAS: sign DRA_form_SIWMv2.pdf",
        layout="Live/Live_*.mov\nSpoof/TYPE/NAME_*.mov\n{train,test}list_{live,all}.txt",
        read=siw_m_v2,
        counts={"train": (524, 533), "test": (261, 362), "": (0, 20), ALL: (785, 915)},
    ),
    "rose-youtu": DataSet(
        name="rose-youtu",
        title="ROSE-Youtu",
        paper="Li et al.: Unsupervised domain adaptation for face anti-spoofing, IEEE TIFS 2018",
        licence=BY_AGREEMENT,
        apply="https://rose1.ntu.edu.sg/dataset/faceLivenessDetection/",
        layout="SUBJECT/KIND_SPEECH_PHONE_GLASSES_BACKGROUND_SUBJECT_NUMBER.mp4",
        read=rose_youtu,
    ),
    "celeba-spoof": DataSet(
        name="celeba-spoof",
        title="CelebA-Spoof",
        paper="Zhang, Yin, Li, Yin, Yan, Shao, Liu: CelebA-Spoof, ECCV 2020, arXiv 2007.12342",
        licence="non-commercial research only",
        apply="https://github.com/ZhangYuanhan-AI/CelebA-Spoof",
        layout="Data/{train,test}/SUBJECT/{live,spoof}/NAME.png|jpg\nmetas/intra_test/{train,test}_label.json",
        read=celeba_spoof,
    ),
    "casia-surf": DataSet(
        name="casia-surf",
        title="CASIA-SURF",
        paper="Zhang et al.: CASIA-SURF: A Large-scale Multi-modal Benchmark, IEEE TBIOM 2020",
        licence=BY_AGREEMENT,
        apply="https://github.com/liuajian/Face-Anti-spoofing-Datasets",
        layout="train_list.txt\nval_private_list.txt\ntest_private_list.txt\n"
        "Training/{real_part,fake_part}/SUBJECT/ATTACK.rssdk/{color,depth,ir}/*.jpg\nVal/...\nTesting/...",
        read=casia_surf,
        counts=CASIA_SURF_COUNTS,
    ),
    "cefa": DataSet(
        name="cefa",
        title="CASIA-SURF CeFA",
        paper="Liu et al.: A Benchmark for Multi-modal Cross-ethnicity Face Anti-spoofing, WACV 2021",
        licence=BY_AGREEMENT,
        apply="https://github.com/liuajian/CASIA-FAS-Dataset",
        layout="{AF,CA,EA}/RACE-ID/RACE_ID_DEVICE_SESSION_ATTACK/{profile|color,depth,ir}/*.jpg\n"
        "3D-Mask/ID/1_ID_DRESS_GLASSES_DEVICE_SESSION_LIGHT/...\nSilicone-Mask/ID/2_ID_...",
        read=cefa,
    ),
    "wmca": DataSet(
        name="wmca",
        title="WMCA",
        paper="George et al.: Biometric Face PAD with a Multi-Channel CNN, IEEE TIFS 2019",
        licence=BY_AGREEMENT,
        apply="https://www.idiap.ch/en/scientific-research/data/wmca",
        layout="WMCA_preprocessed_RGB/WMCA/face-station/DATE/NAME.hdf5\n"
        "WMCA_preprocessed_CDIT/WMCA/face-station/DATE/NAME.hdf5\nPROTOCOL-grandtest.csv",
        read=wmca,
    ),
    "hq-wmca": DataSet(
        name="hq-wmca",
        title="HQ-WMCA",
        paper="Heusch et al.: Deep Models and Shortwave Infrared Information for Face PAD, IEEE TBIOM 2020",
        licence=BY_AGREEMENT,
        apply="https://www.idiap.ch/en/scientific-research/data/hq-wmca",
        layout="face-station/DATE/NAME.hdf5\nPROTOCOL-grand_test.csv",
        read=hq_wmca,
    ),
    "rgbd": DataSet(
        name="rgbd",
        title="Colour and depth, in a folder",
        paper="after DMAD: Wang et al.: Deep Spatial Gradient and Temporal Depth Learning for FAS, CVPR 2020",
        licence="that of the captures",
        apply="your own captures; DMAD itself was not published",
        layout="labels.csv\nSUBJECT/NAME/color/*.png|jpg\nSUBJECT/NAME/depth/*.png (16 bits, millimetres)",
        read=rgbd,
    ),
    "folder": DataSet(
        name="folder",
        title="Any folder with labels.csv",
        paper="",
        licence="that of the folder",
        apply="your own recordings",
        layout="labels.csv (path,label,instrument and other fields)",
        read=labelled_folder,
    ),
    "simulated": DataSet(
        name="simulated",
        title="The simulated benchmark",
        paper="",
        licence="free: drawn faces; with --portraits or --heads, theirs",
        apply="unmask benchmark make",
        layout="benchmark.json\nlabels.csv\nvideos/*.mp4\ntruth/*.npz\nprotocols/*.csv",
        read=simulated,
    ),
}
