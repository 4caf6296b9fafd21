//! PriorityLevelConfiguration: how many requests of a level are served at once, and how many wait.

use serde_json::{Value, json};

use super::{GROUP, condition, not_applied};
use crate::field::{Errors, Field};
use crate::json;
use crate::kind::{Column, Flags, Kind, Scope, StatusKeeps, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;

const COLUMNS: &[Column] = &[
    NAME,
    column("Type", "string", "Whether its requests are limited."),
    column("NominalConcurrencyShares", "string", "Its part of what is served at once."),
    column("Queues", "string", "Number of queues."),
    column("HandSize", "string", "Queues that a flow may use."),
    column("QueueLengthLimit", "string", "Requests that wait in a queue at most."),
    AGE,
];
const PLURAL: &str = "prioritylevelconfigurations";

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        flags: Flags { status_keeps: StatusKeeps::Metadata, ..Flags::default() },
        schema: "io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration",
        ..base(GROUP, "PriorityLevelConfiguration", PLURAL, &PriorityLevelConfiguration)
    }
}

#[derive(Debug)]
struct PriorityLevelConfiguration;

impl Strategy for PriorityLevelConfiguration {
    fn default(&self, object: &mut Value) {
        for (level, shares) in [("exempt", 0), ("limited", 30)] {
            let Some(level) = object.pointer_mut(&format!("/spec/{level}")) else { continue };
            json::fill(level, "nominalConcurrencyShares", shares);
            json::fill(level, "lendablePercent", 0);
        }
        if let Some(queuing) = object.pointer_mut("/spec/limited/limitResponse/queuing") {
            for (name, number) in [("queues", 64), ("handSize", 8), ("queueLengthLimit", 50)] {
                json::fill_zero(queuing, name, number);
            }
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let spec = root.at("spec");
        let own = root.at("metadata").at("name");
        let mut errors = level(&spec, own.text());
        errors.extend(fixed(&spec, own.text()));
        errors
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        condition::conditions(&Field::root(object).at("status").at("conditions"))
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        not_applied(PLURAL)
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let number = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_else(|| cells::NONE.into());
        let shares = if object.pointer("/spec/limited").is_some() { "limited" } else { "exempt" };
        let queuing = |name: &str| number(&format!("/spec/limited/limitResponse/queuing/{name}"));
        vec![
            cells::name(object),
            json::text(object, "/spec/type").into(),
            number(&format!("/spec/{shares}/nominalConcurrencyShares")),
            queuing("queues"),
            queuing("handSize"),
            queuing("queueLengthLimit"),
            cells::age(object, now),
        ]
    }
}

/// Name of the level whose requests never wait.
const EXEMPT: &str = "exempt";

/// Everything wrong with a level of that name.
fn level(spec: &Field<'_>, own: &str) -> Errors {
    let (kind, limited, exempt) = (spec.at("type"), spec.at("limited"), spec.at("exempt"));
    let mut errors = Errors::new();
    if (own == EXEMPT) != (kind.text() == "Exempt") {
        let why = "type must be 'Exempt' if and only if name is 'exempt'";
        errors.push(kind.invalid_part(kind.text(), why));
    }
    match kind.text() {
        "Exempt" => {
            let why = "must be nil if the type is not Limited";
            errors.extend(limited.is_set().then(|| limited.forbidden(why)));
            errors.extend(shares(&exempt));
        }
        "Limited" => {
            let why = "must be nil if the type is Limited";
            errors.extend(exempt.is_set().then(|| exempt.forbidden(why)));
            if limited.is_set() {
                errors.extend(self::limited(&limited));
            } else {
                errors.push(limited.required("must not be empty when type is Limited"));
            }
        }
        _ => errors.push(kind.not_one_of(&["Exempt", "Limited"])),
    }
    errors
}

/// Levels that hold the server together stay as they are.
fn fixed(spec: &Field<'_>, own: &str) -> Option<FieldError> {
    match own {
        EXEMPT => {
            let mut rest = spec.value.clone();
            rest.as_object_mut()?.remove(EXEMPT);
            let why = "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value";
            (rest != json!({"type": "Exempt"})).then(|| spec.invalid(why))
        }
        "catch-all" => {
            let limited =
                json!({"nominalConcurrencyShares": 5, "lendablePercent": 0, "limitResponse": {"type": "Reject"}});
            let wrong = *spec.value != json!({"type": "Limited", "limited": limited});
            wrong.then(|| spec.invalid("spec of 'catch-all' must equal the fixed value"))
        }
        _ => None,
    }
}

fn shares(level: &Field<'_>) -> Errors {
    let shares = level.at("nominalConcurrencyShares");
    let negative = shares.integer().is_some_and(|number| number < 0);
    let wrong = negative.then(|| shares.invalid("must be a non-negative integer"));
    wrong.into_iter().chain(level.at("lendablePercent").within(0, 100)).collect()
}

fn limited(level: &Field<'_>) -> Errors {
    let mut errors = shares(level);
    let response = level.at("limitResponse");
    let (kind, queuing) = (response.at("type"), response.at("queuing"));
    match (kind.text(), queuing.is_set()) {
        ("Reject", true) => {
            errors.push(queuing.forbidden("must be nil if limited.limitResponse.type is not Limited"));
        }
        ("Queue", false) => {
            errors.push(queuing.required("must not be empty if limited.limitResponse.type is Limited"));
        }
        ("Queue", true) => errors.extend(self::queuing(&queuing)),
        ("Reject", false) => {}
        _ => errors.push(kind.not_one_of(&["Queue", "Reject"])),
    }
    let borrowing = level.at("borrowingLimitPercent");
    if borrowing.integer().is_some_and(|percent| percent < 0) {
        errors.push(borrowing.invalid("if specified, must be a non-negative integer"));
    }
    errors
}

/// Everything wrong with queues: a hash must have bits enough to deal every flow a hand of them.
fn queuing(queuing: &Field<'_>) -> Errors {
    const QUEUES_MAX: i64 = 10_000_000;
    const HASH_BITS_MAX: u32 = 60;
    let [limit, queues, hand] = ["queueLengthLimit", "queues", "handSize"].map(|name| queuing.at(name));
    let number = |field: &Field<'_>| field.integer().unwrap_or_default();
    let positive = |field: &Field<'_>| (number(field) <= 0).then(|| field.invalid("must be positive"));
    let mut errors: Errors = positive(&limit).into_iter().collect();
    errors.extend(positive(&queues));
    if number(&queues) > QUEUES_MAX {
        errors.push(queues.invalid(format!("must not be greater than {QUEUES_MAX}")));
    }
    errors.extend(positive(&hand));
    if number(&hand) <= 0 {
        return errors;
    }
    let (deck, cards) = (number(&queues), number(&hand));
    if cards > deck {
        errors.push(hand.invalid(format!("should not be greater than queues ({deck})")));
    } else if hands(deck, cards).is_none_or(|hands| hands > 1 << HASH_BITS_MAX) {
        let what = format!("required entropy bits of deckSize {deck} and handSize {cards}");
        errors.push(hand.invalid(format!("{what} should not be greater than {HASH_BITS_MAX}")));
    }
    errors
}

/// Hands that can be dealt from a deck, a little more than there are, as Kubernetes counts them; `None` when they are too many.
fn hands(deck: i64, hand: i64) -> Option<u128> {
    u128::try_from(deck).ok()?.checked_pow(u32::try_from(hand).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::{Expect, expect};

    fn check(name: &str, spec: &Value, expected: &Expect) {
        let object = defaulted(&PriorityLevelConfiguration, json!({"metadata": {"name": name}, "spec": spec}));
        expected.assert_eq(&told(&PriorityLevelConfiguration.validate(&object)));
    }

    #[test]
    fn what_is_not_given_is_filled() {
        let limited = json!({"limitResponse": {"type": "Queue", "queuing": {}}});
        let object = defaulted(&PriorityLevelConfiguration, json!({"spec": {"type": "Limited", "limited": limited}}));
        let queuing = json!({"queues": 64, "handSize": 8, "queueLengthLimit": 50});
        let limited = json!({"nominalConcurrencyShares": 30, "lendablePercent": 0,
            "limitResponse": {"type": "Queue", "queuing": queuing}});
        assert_eq!(object["spec"]["limited"], limited);
        let zero = json!({"spec": {"limited": {"nominalConcurrencyShares": 0}}});
        let zero = defaulted(&PriorityLevelConfiguration, zero);
        assert_eq!(zero["spec"]["limited"]["nominalConcurrencyShares"], 0);
    }

    #[test]
    fn a_level_is_limited_unless_it_is_the_exempt_one() {
        check("a", &json!({"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}), &expect![""]);
        check("exempt", &json!({"type": "Exempt", "exempt": {"nominalConcurrencyShares": 1}}), &expect![""]);
        check(
            "a",
            &json!({"type": "Exempt", "limited": {}, "exempt": {"nominalConcurrencyShares": -1, "lendablePercent": 101}}),
            &expect![[r#"
                spec.type: Invalid value: "Exempt": type must be 'Exempt' if and only if name is 'exempt'
                spec.limited: Forbidden: must be nil if the type is not Limited
                spec.exempt.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer
                spec.exempt.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive"#]],
        );
        check(
            "a",
            &json!({"type": "Limited", "exempt": {}}),
            &expect![[r#"
            spec.exempt: Forbidden: must be nil if the type is Limited
            spec.limited: Required value: must not be empty when type is Limited"#]],
        );
        check(
            "a",
            &json!({"type": "Some"}),
            &expect![[r#"spec.type: Unsupported value: "Some": supported values: "Exempt", "Limited""#]],
        );
        check(
            "catch-all",
            &json!({"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}),
            &expect![[
                r#"spec: Invalid value: {"limited":{"lendablePercent":0,"limitResponse":{"type":"Reject"},"nominalConcurrencyShares":30},"type":"Limited"}: spec of 'catch-all' must equal the fixed value"#
            ]],
        );
    }

    #[test]
    fn queues_are_dealt_fairly() {
        let check =
            |limited: Value, expected: &Expect| check("a", &json!({"type": "Limited", "limited": limited}), expected);
        let response = |queuing: Value| json!({"limitResponse": {"type": "Queue", "queuing": queuing}});
        check(response(json!({})), &expect![""]);
        check(response(json!({"queues": 128, "handSize": 6})), &expect![""]);
        check(
            response(json!({"queues": 512, "handSize": 8})),
            &expect![
                "spec.limited.limitResponse.queuing.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 should not be greater than 60"
            ],
        );
        check(
            response(json!({"queues": 4})),
            &expect![
                "spec.limited.limitResponse.queuing.handSize: Invalid value: 8: should not be greater than queues (4)"
            ],
        );
        check(
            response(json!({"queues": -1, "handSize": -1, "queueLengthLimit": -1})),
            &expect![[r#"
            spec.limited.limitResponse.queuing.queueLengthLimit: Invalid value: -1: must be positive
            spec.limited.limitResponse.queuing.queues: Invalid value: -1: must be positive
            spec.limited.limitResponse.queuing.handSize: Invalid value: -1: must be positive"#]],
        );
        check(
            response(json!({"queues": 10_000_001, "handSize": 1})),
            &expect![
                "spec.limited.limitResponse.queuing.queues: Invalid value: 10000001: must not be greater than 10000000"
            ],
        );
        check(
            json!({"limitResponse": {"type": "Reject", "queuing": {}}, "borrowingLimitPercent": -1}),
            &expect![[r#"
            spec.limited.limitResponse.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited
            spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer"#]],
        );
        check(
            json!({"limitResponse": {"type": "Queue"}}),
            &expect![
                "spec.limited.limitResponse.queuing: Required value: must not be empty if limited.limitResponse.type is Limited"
            ],
        );
        check(
            json!({}),
            &expect![[
                r#"spec.limited.limitResponse.type: Unsupported value: "": supported values: "Queue", "Reject""#
            ]],
        );
    }

    #[test]
    fn rows_show_numbers_where_there_are_some() {
        let row = |spec: Value| {
            let object = json!({"metadata": {"name": "a"}, "spec": spec});
            Value::from(PriorityLevelConfiguration.cells(&object, Timestamp::UNIX_EPOCH))
        };
        let exempt = json!({"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0}});
        assert_eq!(row(exempt), json!(["a", "Exempt", 0, "<none>", "<none>", "<none>", "<unknown>"]));
        let queuing = json!({"queues": 64, "handSize": 8, "queueLengthLimit": 50});
        let limited = json!({"nominalConcurrencyShares": 30, "limitResponse": {"queuing": queuing}});
        let shown = row(json!({"type": "Limited", "limited": limited}));
        assert_eq!(shown, json!(["a", "Limited", 30, 64, 8, 50, "<unknown>"]));
    }
}
