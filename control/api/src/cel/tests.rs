//! What is said of expressions.

use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::Value;

/// What is wrong with an expression, in the words of Kubernetes.
fn wrong(text: &str, scope: &Scope<'_>) -> Option<String> {
    match typed(text, scope) {
        Ok(found) => scope.outcome.missed(&found.of),
        Err(why) => Some(failed(&why)),
    }
}

fn scope() -> Scope<'static> {
    const VARIABLES: &[(&str, &str)] = &[
        ("object", "dyn"),
        ("oldObject", "dyn"),
        ("request", "kubernetes.AdmissionRequest"),
        ("namespaceObject", "kubernetes.Namespace"),
        ("authorizer", "kubernetes.authorization.Authorizer"),
        ("authorizer.requestResource", "kubernetes.authorization.ResourceCheck"),
    ];
    Scope::new(VARIABLES, Outcome::Truth).with_field("limit", "size(request.name)")
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
        "sets.contains(object.a, [1, 2]) && type(object) == map",
        "variables.limit > 3 ? true : false",
        "quantity(object.q).isLessThan(quantity('1Gi')) && ip('10.0.0.1').family() == 4",
        "object.m.transformMap(k, v, v + 1).exists(x, y, y > 1)",
        "optional.of(object).optMap(o, o.a).hasValue() && cidr('10.0.0.0/8').containsIP('10.0.0.1')",
        "// only some\nobject.kind == 'A' && r'\\d' != '\\xff' && b'a' == b'\\xff'",
        "object.`a-b` == null",
        "authorizer.group('apps').resource('deployments').namespace(request.namespace).check('get').allowed()",
        "authorizer.requestResource.check('update').reason() == ''",
        "namespaceObject.metadata.labels.?tier.orValue('').startsWith('a') && namespaceObject.status.phase == 'Active'",
        "request.userInfo.extra['a'].exists(one, one.find('[0-9]+') == '1')",
        "url('https://a.b/').getQuery()['a'].size() == 0 && !format.dns1123Label().validate('a').hasValue()",
        "semver('1.2.3').major() > 0 && '%d of %s'.format([dyn(1), 'a']).lowerAscii() != ''",
        "timestamp('2026-01-01T00:00:00Z') - namespaceObject.metadata.creationTimestamp > duration('1h30m')",
        "[1, 2].sum() == 3 && ['a'].join(',') == 'a' && 1 < 2.5 && dyn(1) == 'a'",
        "cel.bind(all, object.a, all.b || all.c) && image('a:1').tag() == '1'",
        "{'a': 1}.all(k, k == 'a') && 'a' in {'a': 1} && [[1], []].size() == 2",
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
fn functions_take_what_they_are_made_for() {
    check_told(
        "1 + 'a' == 2 && object.foo(1)",
        &expect![[r#"
        Invalid value: "1 + 'a' == 2 && object.foo(1)": compilation failed: ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'
         | 1 + 'a' == 2 && object.foo(1)
         | ..^
        ERROR: <input>:1:27: undeclared reference to 'foo' (in container '')
         | 1 + 'a' == 2 && object.foo(1)
         | ..........................^"#]],
    );
    check_told(
        "'a'.startsWith(1) || size(1) > 0",
        &expect![[r#"
        Invalid value: "'a'.startsWith(1) || size(1) > 0": compilation failed: ERROR: <input>:1:15: found no matching overload for 'startsWith' applied to 'string.(int)'
         | 'a'.startsWith(1) || size(1) > 0
         | ..............^
        ERROR: <input>:1:26: found no matching overload for 'size' applied to '(int)'
         | 'a'.startsWith(1) || size(1) > 0
         | .........................^"#]],
    );
    check_told(
        "lowerAscii('a') == 'a' || undefined(1)",
        &expect![[r#"
        Invalid value: "lowerAscii('a') == 'a' || undefined(1)": compilation failed: ERROR: <input>:1:11: found no matching overload for 'lowerAscii' applied to '(string)'
         | lowerAscii('a') == 'a' || undefined(1)
         | ..........^
        ERROR: <input>:1:36: undeclared reference to 'undefined' (in container '')
         | lowerAscii('a') == 'a' || undefined(1)
         | ...................................^"#]],
    );
    check_told(
        "quantity(1).isLessThan('2')",
        &expect![[r#"
        Invalid value: "quantity(1).isLessThan('2')": compilation failed: ERROR: <input>:1:9: found no matching overload for 'quantity' applied to '(int)'
         | quantity(1).isLessThan('2')
         | ........^
        ERROR: <input>:1:23: found no matching overload for 'isLessThan' applied to '!error!.(string)'
         | quantity(1).isLessThan('2')
         | ......................^"#]],
    );
}

#[test]
fn what_has_no_such_field_or_item_is_told() {
    check_told(
        "request.name.first == 'a'",
        &expect![[r#"
        Invalid value: "request.name.first == 'a'": compilation failed: ERROR: <input>:1:13: type 'string' does not support field selection
         | request.name.first == 'a'
         | ............^"#]],
    );
    check_told(
        "request.nam == 'a' && authorizer.x",
        &expect![[r#"
        Invalid value: "request.nam == 'a' && authorizer.x": compilation failed: ERROR: <input>:1:8: undefined field 'nam'
         | request.nam == 'a' && authorizer.x
         | .......^
        ERROR: <input>:1:33: unexpected failed resolution of 'kubernetes.authorization.Authorizer'
         | request.nam == 'a' && authorizer.x
         | ................................^"#]],
    );
    check_told(
        "ip('10.0.0.1').x == 1",
        &expect![[r#"
        Invalid value: "ip('10.0.0.1').x == 1": compilation failed: ERROR: <input>:1:15: type 'net.IP' does not support field selection
         | ip('10.0.0.1').x == 1
         | ..............^"#]],
    );
    check_told(
        "'abc'.all(c, c == 'a')",
        &expect![[r#"
        Invalid value: "'abc'.all(c, c == 'a')": compilation failed: ERROR: <input>:1:1: expression of type 'string' cannot be range of a comprehension (must be list, map, or dynamic)
         | 'abc'.all(c, c == 'a')
         | ^"#]],
    );
    check_told(
        "object.a.all(x, x + 1)",
        &expect![[r#"
        Invalid value: "object.a.all(x, x + 1)": compilation failed: ERROR: <input>:1:13: found no matching overload for '_&&_' applied to '(bool, int)'
         | object.a.all(x, x + 1)
         | ............^"#]],
    );
    check_told(
        "['a'].exists(x, x == 1)",
        &expect![[r#"
        Invalid value: "['a'].exists(x, x == 1)": compilation failed: ERROR: <input>:1:19: found no matching overload for '_==_' applied to '(string, int)'
         | ['a'].exists(x, x == 1)
         | ..................^"#]],
    );
}

#[test]
fn choices_are_of_one_type_and_objects_are_made_where_they_change_something() {
    check_told(
        "1 ? true : false",
        &expect![[r#"
        Invalid value: "1 ? true : false": compilation failed: ERROR: <input>:1:3: found no matching overload for '_?_:_' applied to '(int, bool, bool)'
         | 1 ? true : false
         | ..^"#]],
    );
    check_told(
        "object.a ? 1 : 'b'",
        &expect![[r#"
        Invalid value: "object.a ? 1 : 'b'": compilation failed: ERROR: <input>:1:10: found no matching overload for '_?_:_' applied to '(dyn, int, string)'
         | object.a ? 1 : 'b'
         | .........^"#]],
    );
    check_told(
        "Object{spec: 1} == null",
        &expect![[r#"
        Invalid value: "Object{spec: 1} == null": compilation failed: ERROR: <input>:1:7: undeclared reference to 'Object' (in container '')
         | Object{spec: 1} == null
         | ......^"#]],
    );
}

#[test]
fn lists_and_maps_hold_one_kind_of_thing() {
    check_told(
        "[1, 'a', 2u].size() == 3",
        &expect![[r#"
        Invalid value: "[1, 'a', 2u].size() == 3": compilation failed: ERROR: <input>:1:5: expected type 'int' but found 'string'
         | [1, 'a', 2u].size() == 3
         | ....^"#]],
    );
    check_told(
        "{'a': 1, 'b': 'c', 1: 2}.size() == 3",
        &expect![[r#"
        Invalid value: "{'a': 1, 'b': 'c', 1: 2}.size() == 3": compilation failed: ERROR: <input>:1:15: expected type 'int' but found 'string'
         | {'a': 1, 'b': 'c', 1: 2}.size() == 3
         | ..............^
        ERROR: <input>:1:20: expected type 'string' but found 'int'
         | {'a': 1, 'b': 'c', 1: 2}.size() == 3
         | ...................^"#]],
    );
    check_told("[1, object.a] == [1] && [null, object] == [] && [{}, {'a': 1}].size() == 1", &expect![""]);
}

#[test]
fn written_texts_that_no_function_can_read_are_told() {
    check_told(
        "duration('1 hour') > duration('1h') || timestamp('today') > timestamp(0)",
        &expect![[r#"
        Invalid value: "duration('1 hour') > duration('1h') || timestamp('today') > timestamp(0)": compilation failed: ERROR: <input>:1:10: invalid duration argument
         | duration('1 hour') > duration('1h') || timestamp('today') > timestamp(0)
         | .........^
        ERROR: <input>:1:50: invalid timestamp argument
         | duration('1 hour') > duration('1h') || timestamp('today') > timestamp(0)
         | .................................................^"#]],
    );
}

#[test]
fn written_patterns_that_nothing_fits_are_told() {
    check_told("request.name.matches('^[a-z]+$') || object.a.matches(object.b)", &expect![""]);
    check_told(
        "request.name.matches('(a')",
        &expect![[r#"
            Invalid value: "request.name.matches('(a')": compilation failed: ERROR: <input>:1:22: invalid matches argument
             | request.name.matches('(a')
             | .....................^"#]],
    );
}

#[test]
fn patches_are_made_of_their_own_objects() {
    let told = |text: &str, outcome: Outcome| wrong(text, &scope().with_patches().to(outcome)).unwrap_or_default();
    for text in [
        "Object{spec: Object.spec{replicas: 3, template: Object.spec.template{}}}",
        "object.a ? Object{metadata: Object.metadata{labels: {'a': 'b'}}} : Object{}",
    ] {
        assert_eq!(told(text, Outcome::Configuration), "", "{text}");
    }
    let patch = "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 'c'}]";
    assert_eq!(told(patch, Outcome::Patch), "");
    assert_eq!(told("[]", Outcome::Patch), "must evaluate to list(JSONPatch) but got list(dyn)");
    assert_eq!(told("1", Outcome::Configuration), "must evaluate to Object but got int");
    expect![[r#"
        compilation failed: ERROR: <input>:1:14: expected type of field 'op' is 'string' but provided type is 'int'
         | [JSONPatch{op: 1, pth: 'a'}]
         | .............^
        ERROR: <input>:1:22: undefined field 'pth'
         | [JSONPatch{op: 1, pth: 'a'}]
         | .....................^"#]]
    .assert_eq(&told("[JSONPatch{op: 1, pth: 'a'}]", Outcome::Patch));
}

#[test]
fn variables_have_the_type_of_what_they_are_computed_by() {
    check_told(
        "variables.limit == 'a'",
        &expect![[r#"
        Invalid value: "variables.limit == 'a'": compilation failed: ERROR: <input>:1:17: found no matching overload for '_==_' applied to '(int, string)'
         | variables.limit == 'a'
         | ................^"#]],
    );
    let scope = scope().with_field("text", "variables.limit > 1 ? 'a' : 'b'");
    assert_eq!(wrong("variables.text + 'c' == 'ac'", &scope), None);
    assert!(wrong("variables.text > 1", &scope).is_some_and(|why| why.contains("'_>_' applied to '(string, int)'")));
}

/// Each name doubles the type of the one before it.
#[test]
fn types_that_would_grow_without_end_are_taken_as_unknown() {
    let nested = (0..60).rev().fold("x59.size() == 0".to_owned(), |inner, nth| {
        let value = if nth == 0 { "1".to_owned() } else { format!("{{x{0}: x{0}}}", nth - 1) };
        format!("cel.bind(x{nth}, {value}, {inner})")
    });
    // Were it whole, it would have 2^60 parts, and this would not end.
    assert_eq!(wrong(&nested, &scope()), None);
}

#[test]
fn what_comes_to_something_else_is_told() {
    check_told(
        "object.a + 'b'",
        &expect![[r#"Invalid value: "object.a + 'b'": must evaluate to bool but got string"#]],
    );
    check_told("object.a", &expect![[r#"Invalid value: "object.a": must evaluate to bool but got dyn"#]]);
    check_told(
        "[timestamp(1)]",
        &expect![[r#"Invalid value: "[timestamp(1)]": must evaluate to bool but got list(google.protobuf.Timestamp)"#]],
    );
    let device = |text: &str| {
        let scope = Scope::new(&[("device", "kubernetes.DRADevice")], Outcome::TruthOrUnknown);
        wrong(text, &scope).unwrap_or_default()
    };
    assert_eq!(device("device.attributes['a.b'].healthy"), "");
    assert_eq!(device("device.capacity['a.b'].memory.isGreaterThan(quantity('1Gi')) && device.driver == 'a'"), "");
    assert_eq!(device("device.driver"), "must evaluate to bool or the unknown type, not string");
    let told = |text: &str, outcome: Outcome| wrong(text, &scope().to(outcome)).unwrap_or_default();
    assert_eq!(told("1", Outcome::Text), "must evaluate to string but got int");
    assert_eq!(told("object.a == 1", Outcome::TextOrNull), "must evaluate to one of [string null_type] but got bool");
    assert_eq!(told("'n: ' + string(object.n)", Outcome::Text), "");
    assert_eq!(told("null", Outcome::TextOrNull), "");
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
    for chain in [".a", "[0]", "+1"] {
        assert_eq!(wrong(&format!("object{} == 1", chain.repeat(7_900)), &scope()), None, "{chain}");
    }
    for chain in [" < 1", ".f()"] {
        let told = wrong(&format!("object{} == 1", chain.repeat(7_900)), &scope()).unwrap();
        assert!(told.ends_with("errors were truncated") && told.len() < 100_000, "{chain}: {} bytes", told.len());
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
