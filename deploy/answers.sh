#!/bin/sh
# Starts the service that was installed into FOLDER, on SQLite, and waits until it is ready; then stops it.
set -eu
folder=$1
state=$(mktemp -d)
UNMASK_ASSETS="$folder/assets" "$folder/bin/unmask" serve --port 8437 --database "sqlite:///$state/serve.db" &
server=$!
tries=0
until "$folder/bin/python" deploy/probe.py http://127.0.0.1:8437/readyz; do
  tries=$((tries + 1))
  if [ "$tries" -gt 120 ] || ! kill -0 "$server" 2>/dev/null; then
    echo "the service did not become ready" >&2
    kill "$server" 2>/dev/null || true
    exit 1
  fi
  sleep 1
done
kill -TERM "$server"
ended=0
wait "$server" || ended=$?
rm -rf "$state"
if [ "$ended" -ne 143 ]; then # 128 + SIGTERM, when it has drained
  echo "the service ended with $ended where 143 was due" >&2
  exit 1
fi
echo "the service answered, and ended with 143"
