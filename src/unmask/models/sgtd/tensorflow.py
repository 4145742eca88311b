"""Variables of a published TensorFlow 1 checkpoint -> weights of our modules.

Kernels are HWIO there and OIHW here, dense weights (in, out) there and (out, in) here; a variable that is
missing or has another shape is an error that names it. Optimiser slots and the like are ignored.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from unmask.types import ModelError

Variables = Mapping[str, np.ndarray]
Table = Mapping[str, str]  # variable scope -> name of our layer or norm

_BLOCKS = {"rgc_init": "stem"}
_BLOCKS |= {f"rgc{a}_{b}": f"levels.{a - 1}.{b - 1}" for a in (1, 2, 3) for b in (1, 2, 3)}
_BLOCKS |= {"rgc4_1": "top.0", "rgc4_2": "top.1"}
_PARTS = {"conv": "conv", "rgc_pw_gabor": "point", "gabor_bn": "point_norm", "gn": "norm"}

BACKBONE: Table = {
    **{f"FaceMapNet/{a}/{b}": f"{ours}.{part}" for a, ours in _BLOCKS.items() for b, part in _PARTS.items()},
    "FaceMapNet/conv4_3": "depth",
}
TEMPORAL: Table = {
    **{f"OFFNet/OFFNet_conv_{n}_off": f"motion.reduce.{n - 1}" for n in (1, 2, 3)},
    **{f"OFFNet/OFFNet_bn_{n}_off": f"motion.reduce_norm.{n - 1}" for n in (1, 2, 3)},
    **{f"OFFNet/OFFNet_linear_{n}_off": f"motion.mix.{n - 1}" for n in (1, 2, 3)},
    **{f"OFFNet/cascade_conv_{n}": f"motion.cascade.{n - 1}" for n in (1, 2)},
    **{f"OFFNet/cascade_bn_{n}": f"motion.cascade_norm.{n - 1}" for n in (1, 2)},
    "OFFNet/OFFNet_conv_4_1": "motion.cascade.2",
    "OFFNet/OFFNet_bn_4_1": "motion.cascade_norm.2",
    **{
        f"ConvLSTMNet/cell_{n}/conv_gru_cell/{part}": f"recurrence.cells.{n - 1}.{part}"
        for n in (1, 2)
        for part in ("gates", "candidate")
    },
    **{f"SoftmaxNet/fc/fc_{n}": f"head.{n - 1}" for n in (1, 2)},
}


def read(variables: Variables, *, into: nn.Module, table: Table) -> None:
    """Copy what `table` names from `variables` into the layers and norms of `into`."""
    for scope, name in table.items():
        module = into.get_submodule(name)
        if isinstance(module, nn.BatchNorm2d):
            pairs = {
                "beta": module.bias,
                "moving_mean": module.running_mean,
                "moving_variance": module.running_var,
            }
        else:
            kernel, bias = ("kernel", "bias") if scope.startswith("ConvLSTMNet") else ("weights", "biases")
            pairs = {kernel: module.get_parameter("weight"), bias: module.get_parameter("bias")}
        for kind, tensor in pairs.items():
            if tensor is not None:
                _copy(variables, f"{scope}/{kind}", into=tensor)


def _copy(variables: Variables, name: str, *, into: Tensor) -> None:
    if name not in variables:
        raise ModelError(f"the checkpoint has no variable {name}; give all variables of the published graph")
    order = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[into.dim()]
    array = np.asarray(variables[name])
    wanted = tuple(into.shape[order.index(axis)] for axis in range(into.dim()))
    if array.shape != wanted:
        raise ModelError(
            f"variable {name} must have shape {wanted}, not {array.shape}; take the published one"
        )
    with torch.no_grad():
        into.copy_(torch.from_numpy(np.ascontiguousarray(array.transpose(order), dtype=np.float32)))
