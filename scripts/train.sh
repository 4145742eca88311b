#!/bin/sh
# GPU_NUM CONFIG PORT [options of `unmask train`], as in the framework of FGHV's authors.
gpus=${1:?say GPU_NUM CONFIG PORT} config=${2:?say CONFIG and PORT, too} port=${3:?say PORT, too} && shift 3 &&
  exec torchrun --nproc-per-node "$gpus" --master-port "$port" --no-python unmask train --config "$config" "$@"
