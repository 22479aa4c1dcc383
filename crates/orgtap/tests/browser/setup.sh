#!/usr/bin/env bash
# Installs what drives the browser in the console's test, below target/browser. Quick when it is there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$(cd "$here/../../../.." && pwd)/target/browser
mkdir -p "$target"

exec 9>"$target/.lock"
flock 9

if [ -f "$target/.done" ] && cmp -s "$here/package.json" "$target/.done"; then
  exit
fi
rm -rf "$target/node_modules"
cp "$here/package.json" "$target/package.json"
(cd "$target" && npm install --no-audit --no-fund --no-package-lock --ignore-scripts --loglevel=error)
cp "$here/package.json" "$target/.done"
