#!/bin/sh
# Installs the service into FOLDER: a virtual environment with the extra `serve` and the face models.
# The Dockerfile runs it, and so does `make deploy`, in a clean folder; run it in the root of the repository.
set -eu
folder=$1
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --no-cache-dir -q -c constraints.txt ".[serve]"
UNMASK_ASSETS="$folder/assets" "$folder/bin/unmask" assets
# Who only serves verdicts downloads no torch.
if "$folder/bin/python" -c "import torch" 2>/dev/null; then
  echo "torch was installed, which the service does not need" >&2
  exit 1
fi
"$folder/bin/unmask" serve --help >/dev/null
