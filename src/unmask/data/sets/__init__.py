"""The data sets by name: one file each, from the unpacked archive to presentations."""

from unmask.data.splits import DataSet

DATASETS: dict[str, DataSet] = {}
