#!/bin/sh
# Writes control/api/src/schema/ anew from the published schema. Needs python3 with pip; run it from anywhere.
set -eu
version=1.37.0
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$root/target/schema
mkdir -p "$work"
python3 -m pip download --quiet --no-deps --dest "$work" "kubernetes-validate==$version"
python3 -c '
import sys, zipfile
wheel, member, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive, open(target, "wb") as out:
    out.write(archive.read(member))
' "$work/kubernetes_validate-$version-py3-none-any.whl" \
    "kubernetes_validate/kubernetes-json-schema/v$version-local/_definitions.json" "$work/definitions.json"
python3 "$root/xtask/schema/generate.py" "$work/definitions.json" "$root/control/api/src/schema" "$version"
