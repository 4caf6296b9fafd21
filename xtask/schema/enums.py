"""The values that a field of text may have, and what the server's help says of each.

The published JSON schema leaves both out, though a server tells them. They come from the npm package `kubernetes-models`, whose
TypeScript declarations were made from the definitions of a server: a field's values stand there as a union of literals, and
their meaning as the last paragraph of the field's comment. What is newer than the package stands in `go.txt` beside this file.
"""

import json
import re
import sys
import tarfile

INTERFACE = re.compile(r"^export interface \w+ [^{\n]*\{\n(.*?)^\}", re.M | re.S)
NAME = re.compile(r"^export type \{ \w+ as I(Io\w+)", re.M)
FIELD = re.compile(r'^    (?:/\*\*\n((?:     \*(?!/)[^\n]*\n)*)     \*/\n    )?"([^"]+)"\??: (.*?);\n(?=    ["/]|\Z)', re.M | re.S)
# A field that holds one value, a list of them, or a map to them.
SHAPES = [re.compile(form, re.S) for form in (r"(.*)", r"Array<(.*)>", r"\{\s*\[key: string\]: (.*);\s*\}")]
LITERALS = re.compile(r'("[^"]*")( \| "[^"]*")*')
MEANINGS = "\n\nPossible enum values:\n"


def fold(name):
    return re.sub(r"[^a-z0-9]", "", name.lower())


def literals(shape):
    """The values of a union, sorted by bytes as servers do, or None when the shape is another."""
    inner = (match[1] for form in SHAPES if (match := form.fullmatch(shape)))
    union = next((one for one in inner if LITERALS.fullmatch(one)), None)
    return union and sorted((json.loads(one) for one in union.split(" | ")), key=str.encode)


def plain(comment):
    """The text of a comment; the declarations put a backslash before each asterisk."""
    lines = [line.removeprefix("     *").removeprefix(" ") for line in comment.splitlines()]
    return "\n".join(lines).replace("\\*", "*").rstrip()


class Enums:
    """What is known, by type and field: values and the paragraph about them. `unused` are the fields that nobody asked for.

    `newer` are values by the full name of a type and a field, whose meaning is not known.
    """

    def __init__(self, archive, newer):
        self.found = {}
        with tarfile.open(archive) as package:
            for member in package:
                if member.name.endswith(".d.ts") and "/_schemas/" not in member.name:
                    self.read(package.extractfile(member).read().decode("utf-8"))
        for (name, field), values in newer.items():
            self.learn((fold(name), field), values)
        self.unused = set(self.found)

    def read(self, text):
        name, body = NAME.search(text), INTERFACE.search(text)
        for comment, field, shape in FIELD.findall(body[1]) if name and body else []:
            values = literals(shape)
            # What names a version or a kind has one value, which a server does not list.
            if values and (field not in ("apiVersion", "kind") or len(values) > 1):
                before, mark, after = plain(comment).partition(MEANINGS)
                self.found[fold(name[1]), field] = values, mark + after

    def learn(self, key, values):
        """Adds values; a server tells of each in a line, in order of the lines."""
        known, text = self.found.get(key, ([], ""))
        lines = text.removeprefix(MEANINGS).splitlines()
        lines = sorted(lines + [f' - `"{value}"`' for value in values if value not in known])
        self.found[key] = sorted({*known, *values}, key=str.encode), MEANINGS + "\n".join(lines)

    def of(self, name, field, shape):
        """The values of a field and the paragraph about them; neither when nothing is known."""
        key = fold(name), field
        self.unused.discard(key)
        values, text = self.found.get(key, ([], ""))
        base = shape.removeprefix("[]").removeprefix("{}")
        if values and base != "string" or any("|" in value for value in values):
            sys.exit(f"enums.py: {name}.{field} is {shape} and has the values {values}")
        return values, text if base == shape else ""
