#!/usr/bin/env bash
# Installs the foreign clients that the simulated org is tested with, below target/interop.
# Usage: setup.sh [py|js]; without a word, both. Quick when everything is there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$(cd "$here/../../../.." && pwd)/target/interop
mkdir -p "$target"

# One at a time: tests run side by side.
exec 9>"$target/.lock"
flock 9

# install WHICH PIN-FILE: runs set_up_WHICH unless it was run for these very pins.
install() {
  local folder=$target/$1 pins=$here/$2
  if [ -f "$folder/.done" ] && cmp -s "$pins" "$folder/.done"; then
    return
  fi
  rm -rf "$folder"
  mkdir -p "$folder"
  "set_up_$1" "$folder"
  cp "$pins" "$folder/.done"
}

set_up_py() {
  python3 -m venv "$1"
  "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
}

set_up_js() {
  cp "$here/package.json" "$1/package.json"
  (cd "$1" && npm install --no-audit --no-fund --no-package-lock --ignore-scripts --loglevel=error)
}

case ${1:-all} in
  py) install py requirements.txt ;;
  js) install js package.json ;;
  all)
    install py requirements.txt
    install js package.json
    ;;
  *)
    echo "usage: $0 [py|js]" >&2
    exit 2
    ;;
esac
