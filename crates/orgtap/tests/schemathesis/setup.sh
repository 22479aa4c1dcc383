#!/usr/bin/env bash
# Installs what tries the console's API by its own description, below target/schemathesis. Quick when
# it is there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$(cd "$here/../../../.." && pwd)/target/schemathesis
mkdir -p "$target"

exec 9>"$target/.lock"
flock 9

if [ -f "$target/.done" ] && cmp -s "$here/requirements.txt" "$target/.done"; then
  exit
fi
rm -rf "$target/venv"
python3 -m venv "$target/venv"
"$target/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
cp "$here/requirements.txt" "$target/.done"
