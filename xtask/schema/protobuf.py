"""Protobuf numbers of the fields of the API's types, and which of those fields Go holds by pointer.

Numbers come from the crate k8s-pb, whose Rust structs were generated from the published protos, joined to the names of the
JSON schema without regard to case; what neither tells comes from `go.txt` beside this file.

A number is written as a path: `2.7` is field 7 of the message in field 2, which Go holds inline, so that JSON does not show
it. A `*` after it marks a Go pointer.
"""

import re
import sys
from pathlib import Path

import metrics
import older

STRUCT = re.compile(r"pub struct (\w+) \{(.*?)\n?\}", re.S)
FIELD = re.compile(r"#\[prost\((.*?)\)\]\s+pub (?:r#)?(\w+):\s*(.*?),?\n(?=\s*#|\s*\Z)", re.S)

# The form in which each scalar of the table travels; all else are messages.
FORMS = {"string": "string", "bytes": "bytes", "boolean": "bool", "int32": "int32", "int64": "int64", "double": "double"}
# Objects that Go holds as values; see go.txt.
VALUES = {"metadata", "spec", "status"}
# Types that no client sends: what the server tells of itself. The first has no protobuf form, the second one of its own.
NEVER_SENT = {"io.k8s.apimachinery.pkg.version.Info", "io.k8s.apimachinery.pkg.apis.meta.v1.APIResource"}

# (field, its message) of what Go holds inline.
INLINE = {
    ("deviceconfiguration", "deviceconfiguration"),
    ("ephemeralcontainercommon", "ephemeralcontainercommon"),
    ("handler", "probehandler"),
    ("ingressrulevalue", "ingressrulevalue"),
    ("localobjectreference", "localobjectreference"),
    ("persistentvolumesource", "persistentvolumesource"),
    ("rule", "rule"),
    ("rulewithoperations", "rulewithoperations"),
    ("volumesource", "volumesource"),
}


def fold(name):
    return re.sub(r"[^a-z0-9]", "", name.lower())


def short(name):
    return name.rpartition(".")[2]


def package(name):
    return name.rpartition(".")[0]


def messages(source):
    """Every message of k8s-pb: (package, name), both folded, to its fields: (folded name, number, form, Rust type)."""
    found = {}
    for path in sorted(Path(source).rglob("mod.rs")):
        home = path.parent.relative_to(source).as_posix()
        text = re.sub(r"^\s*///.*\n", "", path.read_text(encoding="utf-8"), flags=re.M)
        for name, body in STRUCT.findall(text):
            fields = [field(*parts) for parts in FIELD.findall(body + "\n")]
            if len(fields) != body.count("#[prost("):
                sys.exit(f"protobuf.py: cannot read {name} of {path}")
            found[fold(home), fold(name)] = fields
    return found


def field(attributes, name, rust):
    number = int(re.search(r'tag = "(\d+)"', attributes)[1])
    form = re.sub(r', tag = .*|, optional|, boxed|, packed = "false"| = "vec"', "", attributes)
    inner = re.sub(r"\s|Vec<|Option<|Box<|BTreeMap<|[>,]+$", "", rust)
    return fold(name), number, form, inner.rpartition("::")[2]


def go_facts(path):
    """(type, field) to its words."""
    found, home = {}, None
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("\t"):
            name, *words = line.split()
            found[home, name] = words
        else:
            home = line
    return found


class Numbers:
    """The join. `unused` are facts that nobody asked for, `unknown` fields that nothing is known of."""

    def __init__(self, source, facts, special, dropped):
        self.messages, self.facts, self.special = messages(source), facts, special
        self.dropped = dropped  # Types of versions that are gone: their successors' facts hold for them.
        self.unused, self.unknown = set(self.facts), []

    def of(self, name, field, shape):
        """The fact of a field, or None when nothing is known of its number. The shape's names are full."""
        self.unused.discard((name, field))
        if name in NEVER_SENT or package(name) == metrics.HOME:
            return None
        words = self.facts.get((name, field), [])
        if name in self.dropped and not words:
            words = self.facts.get((older.successor(name), field), [])
        given = [word.removeprefix("pb=") for word in words if word.startswith("pb=")]
        path = given or self.path(self.key(name), field, shape)
        if path:
            return "pb=" + ".".join(path) + "*" * self.pointer(field, shape, words)
        if field not in ("apiVersion", "kind"):  # These stand in the envelope of an object.
            self.unknown.append(f"{name}.{field}")
        return None

    def knows(self, name, field, shape):
        """Whether the protos have the field in the very message."""
        return (key := self.key(name))[0] == fold(package(name).removeprefix("io.k8s.")) and bool(self.path(key, field, shape))

    def key(self, name):
        return self.home(fold(package(name).removeprefix("io.k8s.")), fold(short(name)))

    def home(self, home, name):
        """Where the message stands: an older version may borrow it from the one that followed."""
        return (home if (home, name) in self.messages else re.sub(r"v1(alpha|beta)\d$", "v1", home)), name

    def path(self, key, field, shape, depth=0):
        """The field's own number, or that of it in a message that stands inline; nobody nests these deeper than twice."""
        fields = self.messages.get(key, [])
        for name, number, form, _ in fields:
            if name == fold(field):
                self.check(form, shape, f"{key}.{field}")
                return [str(number)]
        # Inline is what has a message for its only sign: JSON knows no field of its name.
        for name, number, form, inner in fields if depth < 2 else []:
            if form == "message" and (name, fold(inner)) in INLINE:
                if below := self.path(self.home(key[0], fold(inner)), field, shape, depth + 1):
                    return [str(number), *below]
        return None

    def check(self, form, shape, where):
        """A reader derives the form from the shape alone, so they must agree."""
        base = shape.removeprefix("[]").removeprefix("{}")
        kind = FORMS.get(base, "message")
        kind = {"[]": f"{kind}, repeated", "{}": f'btree_map = "string, {kind}"'}.get(shape[:2], kind)
        if base.startswith("[]"):
            kind = 'btree_map = "string, message"'  # A list inside a map or list is a message with the field `items`, 1.
        if form != kind:
            sys.exit(f"protobuf.py: {where} is {form} in protobuf and {shape} in JSON")

    def pointer(self, field, shape, words):
        if shape[:2] in ("[]", "{}"):
            return False
        value = shape in FORMS or shape in self.special or field in VALUES
        return "value" not in words and ("pointer" in words or not value)
