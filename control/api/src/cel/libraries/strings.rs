//! Texts.

pub(super) const FUNCTIONS: &[&str] = &[
    "string . charAt(int): string",
    "string . indexOf(string): int",
    "string . indexOf(string, int): int",
    "string . lastIndexOf(string): int",
    "string . lastIndexOf(string, int): int",
    "list(string) . join(): string",
    "list(string) . join(string): string",
    "string . lowerAscii(): string",
    "string . upperAscii(): string",
    "string . replace(string, string): string",
    "string . replace(string, string, int): string",
    "string . split(string): list(string)",
    "string . split(string, int): list(string)",
    "string . substring(int): string",
    "string . substring(int, int): string",
    "string . trim(): string",
    "string . format(list(dyn)): string",
    "strings.quote(string): string",
];
