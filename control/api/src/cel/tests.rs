//! What is said of expressions.

use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::Value;

fn scope() -> Scope<'static> {
    Scope::new(&["object", "oldObject", "request"], Outcome::Truth).with_fields(["limit"])
}

fn told(text: &str) -> String {
    let value = Value::from(text);
    check(&Field::root(&value), &scope()).map(|error| error.message()).unwrap_or_default()
}

fn check_told(text: &str, expected: &Expect) {
    expected.assert_eq(&told(text));
}

#[test]
fn expressions_that_stand_are_left_alone() {
    for text in [
        "true",
        "object.spec.replicas <= 5",
        "!has(object.spec.tolerations) || object.spec.tolerations.all(t, t.key in ['a', 'b'])",
        "object.metadata.?labels['a'].orValue('') == \"b\"",
        "object.spec.containers.exists(c, c.image.startsWith(request.namespace + '/'))",
        "object.m.all(k, v, k == v)",
        "object.items.map(i, i.name).filter(n, n != '').size() > 0",
        "sets.contains(object.a, [1, 2u, 2.5e3]) && type(object) == map",
        "variables.limit > 3 ? true : false",
        "quantity(object.q).isLessThan(quantity('1Gi')) && ip('10.0.0.1').family() == 4",
        "object.m.transformMap(k, v, v + 1).exists(x, y, y > 1)",
        "optional.of(object).optMap(o, o.a).hasValue() && cidr('10.0.0.0/8').containsIP('10.0.0.1')",
        "// only some\nobject.kind == 'A' && r'\\d' != b'\\xff'",
        "object.`a-b` == null",
    ] {
        assert_eq!(told(text), "", "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_shown_where_it_stands() {
    check_told(
        "object.spec.replicas <=",
        &expect![[r#"
            Invalid value: "object.spec.replicas <=": compilation failed: ERROR: <input>:1:24: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
             | object.spec.replicas <=
             | .......................^"#]],
    );
    check_told(
        "object.x == 1 &&\n  (true",
        &expect![[r#"
            Invalid value: "object.x == 1 &&\n  (true": compilation failed: ERROR: <input>:2:8: Syntax error: missing ')' at '<EOF>'
             |   (true
             | .......^"#]],
    );
    check_told(
        "has(object)",
        &expect![[r#"
            Invalid value: "has(object)": compilation failed: ERROR: <input>:1:5: invalid argument to has() macro
             | has(object)
             | ....^"#]],
    );
}

#[test]
fn names_that_there_are_not_are_shown_each() {
    check_told(
        "objct.spec == 'ä' || self.a.exists(c, c == d)",
        &expect![[r#"
            Invalid value: "objct.spec == 'ä' || self.a.exists(c, c == d)": compilation failed: ERROR: <input>:1:1: undeclared reference to 'objct' (in container '')
             | objct.spec == 'ä' || self.a.exists(c, c == d)
             | ^
            ERROR: <input>:1:22: undeclared reference to 'self' (in container '')
             | objct.spec == 'ä' || self.a.exists(c, c == d)
             | ...............．.....^
            ERROR: <input>:1:44: undeclared reference to 'd' (in container '')
             | objct.spec == 'ä' || self.a.exists(c, c == d)
             | ...............．...........................^"#]],
    );
    check_told(
        "variables.most > 1",
        &expect![[r#"
            Invalid value: "variables.most > 1": compilation failed: ERROR: <input>:1:10: undefined field 'most'
             | variables.most > 1
             | .........^"#]],
    );
}

#[test]
fn what_comes_to_something_else_is_told() {
    check_told("object.a + 'b'", &expect![[r#"Invalid value: "object.a + 'b'": must evaluate to bool"#]]);
    let told = |text: &str, outcome: Outcome| wrong(text, &scope().to(outcome)).unwrap_or_default();
    assert_eq!(told("1", Outcome::Text), "must evaluate to string");
    assert_eq!(told("object.a == 1", Outcome::TextOrNull), "must evaluate to one of [string null_type]");
    assert_eq!(told("'n: ' + string(object.n)", Outcome::Text), "");
    assert_eq!(told("object.a ? 'x' : null", Outcome::TextOrNull), "");
    assert_eq!(told("[1]", Outcome::Any), "");
}

#[test]
fn what_is_too_deep_or_too_long_is_refused() {
    let nested = |depth: usize| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(wrong(&nested(200), &scope()), None);
    let deep = "compilation failed: ERROR: <input>:-1:0: expression recursion limit exceeded: 250";
    for text in
        [nested(5_000), "[".repeat(9_000), format!("object{}", ".a".repeat(49_000)), "object.all(x,".repeat(3_000)]
    {
        assert_eq!(wrong(&text, &scope()).unwrap(), deep, "{}", text.len());
    }
    for chain in [".a", "[0]", "+1", " < 1", ".f()"] {
        let text = format!("object{} == 1", chain.repeat(7_900 / chain.matches(|sign| ".[+<".contains(sign)).count()));
        assert_eq!(wrong(&text, &scope()), None, "{chain}");
    }
    let why =
        "compilation failed: ERROR: <input>:-1:0: expression code point size exceeds limit: size: 100001, limit 100000";
    assert_eq!(wrong(&"x".repeat(100_001), &scope()).unwrap(), why);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_is_too_much(text in "\\PC{0,40}|[a-c.()\\[\\]{}?:'\"+<=!&|, 0-9x\\\\@`-]{0,40}") {
        let _told = wrong(&text, &scope());
    }
}
