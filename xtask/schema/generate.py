#!/usr/bin/env python3
"""Turns the published JSON schema of the Kubernetes API into the table of facts that the `api` crate embeds.

Usage: generate.py DEFINITIONS OLDER_DEFINITIONS K8S_PB_SOURCE MODELS OUTPUT_DIRECTORY KUBERNETES_VERSION OLDER_VERSION

DEFINITIONS is `_definitions.json` of one Kubernetes version, as the package `kubernetes-validate` carries it; the script
`update.sh` beside this one fetches it. OLDER_DEFINITIONS is that of an older version, for versions of types that have been
dropped since: see older.py. K8S_PB_SOURCE is `src` of the crate k8s-pb, for the numbers that fields have in protobuf: see
protobuf.py. MODELS is the archive of the package `kubernetes-models`, for the values of fields: see enums.py. Two files are
written, both checked in:

  table.txt            facts: types, fields, references, list and map behaviour, merge keys, values, group-version-kinds
  descriptions.txt.gz  help texts, one JSON string a line, in the order of the table (a type, then its fields)

The form of table.txt is explained in its own header. Anything in the input that the form cannot express stops the
generator: a fact that is dropped silently would be missed by a client.
"""

import gzip
import json
import sys
from pathlib import Path

import metrics
import older
from enums import Enums
from protobuf import Numbers, go_facts

FORMAT = 3

HEADER = """\
# Facts about the types of the Kubernetes API, version {version}. Written by xtask/schema/generate.py; do not edit.
# Source: API definitions (C) The Kubernetes Authors, Apache-2.0, as published in the package kubernetes-validate {version}
# ((C) Will Thames, Apache-2.0), in the crate k8s-pb 0.9 (Apache-2.0) and in the package kubernetes-models 5.1 ((C) Tommy Chen,
# MIT). See NOTICE beside this file. Types that version {version} has dropped and that are still served are those of {older}.
#
# A line that starts in the first column is a type:   NAME = SCALAR   or   NAME [gvk=GROUP/VERSION/KIND,...] [map=atomic]
# A line that starts with a tab is a field of it:     NAME[!] SHAPE [FACT=VALUE ...]
# `!` marks a required field. A shape is a scalar, []SHAPE, {{}}SHAPE (map of string) or the name of a type; a name without
# a dot is of the same package as the type that it stands in. Facts: list, keys (of list=map), map, patch (strategy), merge
# (merge key), pb, enum. Types and fields are sorted by name. A core GVK is written VERSION/KIND.
#
# pb is the number in protobuf: `2.7` is field 7 of the message in field 2, which JSON does not show. `*` after it marks a Go
# pointer, for which an empty value counts. A field without pb cannot be sent in protobuf.
#
# enum stands last and takes the rest of the line: the values that clients are told of (of a list or map, those that it may
# hold), with `|` between them, sorted. One of them may be empty, or have blanks in it.
"""

# What Kubernetes reads from these types is decided by Go code, not by their published shape.
SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "micro-time",
    metrics.DURATION: "string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "object",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch": "object",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "object",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "any",
}

SCALARS = {
    ("string", None): "string",
    ("string", "byte"): "bytes",
    ("boolean", None): "boolean",
    ("integer", "int32"): "int32",
    ("integer", "int64"): "int64",
    ("number", "double"): "double",
}

# Keys of a field or type that are written as facts, are written otherwise, or say nothing that the table needs:
# `enum` stands only on apiVersion and kind (checked below) and repeats the GVK (values of others come from elsewhere: see
# enums.py); unions are read by no client.
FACTS = {
    "x-kubernetes-list-type": "list",
    "x-kubernetes-list-map-keys": "keys",
    "x-kubernetes-map-type": "map",
    "x-kubernetes-patch-strategy": "patch",
    "x-kubernetes-patch-merge-key": "merge",
}
SHAPE_KEYS = {"type", "format", "$ref", "items", "additionalProperties"}
FIELD_KEYS = SHAPE_KEYS | set(FACTS) | {"description", "enum"}
TYPE_KEYS = {
    "description",
    "type",
    "properties",
    "required",
    "x-kubernetes-group-version-kind",
    "x-kubernetes-map-type",
    "x-kubernetes-unions",
}


def refuse(what):
    sys.exit(f"generate.py: {what}: the table's form cannot express it; extend the form and its reader")


def package(name):
    return name.rpartition(".")[0]


def base_type(schema):
    """The JSON type; the source adds `null` wherever a field is optional."""
    kind = schema.get("type")
    return next(one for one in kind if one != "null") if isinstance(kind, list) else kind


def shape(schema, home, where):
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return name.removeprefix(home + ".") if package(name) == home else name
    kind = base_type(schema)
    if kind == "array" and "items" not in schema or kind is None:
        refuse(f"shape of {where}")
    if kind == "array":
        return "[]" + shape(schema["items"], home, where)
    if kind == "object" and "additionalProperties" in schema:
        return "{}" + shape(schema["additionalProperties"], home, where)
    # A list of bytes is published both as a list and as base64 text; on the wire it is the text.
    scalar = SCALARS.get((kind, schema.get("format")))
    return scalar or refuse(f"shape of {where}")


def facts(schema):
    for key, short in FACTS.items():
        if key in schema and not (key == "x-kubernetes-list-type" and schema.get("format") == "byte"):
            value = schema[key]
            yield f"{short}={','.join(value) if isinstance(value, list) else value}"


def gvk(entry):
    group = f"{entry['group']}/" if entry["group"] else ""
    return f"{group}{entry['version']}/{entry['kind']}"


def type_line(name, schema):
    if name in SPECIAL:
        return f"{name} = {SPECIAL[name]}"
    if unknown := set(schema) - TYPE_KEYS:
        refuse(f"{sorted(unknown)} of {name}")
    parts = [name]
    if kinds := schema.get("x-kubernetes-group-version-kind"):
        parts.append("gvk=" + ",".join(gvk(kind) for kind in kinds))
    return " ".join(parts + list(facts(schema)))


def field_line(name, schema, required, owner, numbers, values):
    home, where = package(owner), f"{owner}.{name}"
    if unknown := set(schema) - FIELD_KEYS:
        refuse(f"{sorted(unknown)} of {where}")
    if "enum" in schema and name not in ("apiVersion", "kind"):
        refuse(f"enum of {where}")
    number = numbers.of(owner, name, shape(schema, "", where))
    rest = filter(None, [number, values and "enum=" + "|".join(values)])
    return " ".join([name + "!" * required, shape(schema, home, where), *facts(schema), *rest])


def tables(definitions, numbers, enums):
    lines, texts = [], []
    for name, schema in sorted(definitions.items()):
        lines.append(type_line(name, schema))
        texts.append(schema.get("description", ""))
        if name in SPECIAL:
            continue
        required = schema.get("required", [])
        for field, inner in sorted(schema.get("properties", {}).items()):
            values, meanings = enums.of(name, field, shape(inner, "", name))
            lines.append("\t" + field_line(field, inner, field in required, name, numbers, values))
            texts.append(inner.get("description", "") + meanings)
    if numbers.unused:
        sys.exit(f"generate.py: go.txt speaks of fields that are not: {sorted(numbers.unused)}")
    for name, field in sorted(enums.unused):
        print(f"generate.py: values of {field} of {name} are known, and no such field is in the table", file=sys.stderr)
    for field in numbers.unknown:
        print(f"generate.py: no protobuf number is known of {field}: protobuf bodies cannot have it", file=sys.stderr)
    return lines, texts


def main(source, old_source, protos, models, target, version, old_version):
    definitions = json.loads(Path(source).read_text(encoding="utf-8"))["$defs"]
    old = json.loads(Path(old_source).read_text(encoding="utf-8"))["definitions"]
    dropped = older.missing(old, definitions)
    go = go_facts(Path(__file__).with_name("go.txt"))
    numbers = Numbers(Path(protos), go, SPECIAL, dropped)
    older.grow(dropped, definitions, lambda name, field, schema: numbers.knows(name, field, shape(schema, "", name)))
    newer = {of: word[5:].split("|") for of, words in go.items() for word in words if word.startswith("enum=")}
    lines, texts = tables(definitions | dropped | metrics.types(definitions), numbers, Enums(models, newer))
    head = HEADER.format(version=version, older=old_version) + f"format {FORMAT}\nkubernetes {version}\n"
    target = Path(target)
    (target / "table.txt").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in texts)
    (target / "descriptions.txt.gz").write_bytes(gzip.compress(text.encode("utf-8"), 9, mtime=0))


if __name__ == "__main__":
    if len(sys.argv) != 8:
        sys.exit(__doc__.split("\n\n")[1])
    main(*sys.argv[1:])
