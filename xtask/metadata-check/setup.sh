#!/usr/bin/env bash
# Installs what check.mjs needs, below target/interop. Quick when everything is there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$(cd "$here/../.." && pwd)/target/interop
folder=$target/metadata-check
mkdir -p "$target"

# One at a time: tests run side by side.
exec 9>"$target/.metadata-check.lock"
flock 9

if [ -f "$folder/.done" ] && cmp -s "$here/package-lock.json" "$folder/.done"; then
  exit
fi
rm -rf "$folder"
mkdir -p "$folder"
cp "$here/package.json" "$here/package-lock.json" "$folder/"
(cd "$folder" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
cp "$here/package-lock.json" "$folder/.done"
