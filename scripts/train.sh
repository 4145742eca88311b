#!/bin/sh
# GPU_NUM CONFIG PORT [options of `unmask train`], as in the framework of FGHV's authors.
gpus=$1 config=$2 port=$3 && shift 3 &&
  exec torchrun --nproc-per-node "$gpus" --master-port "$port" --no-python unmask train --config "$config" "$@"
