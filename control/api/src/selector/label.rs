//! Label selectors: the text form of queries and the structured form inside objects.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::parser;
use crate::record::Record;

/// How a requirement compares.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// The label has one of these values.
    In(BTreeSet<String>),
    /// The label has none of these values, or does not exist.
    NotIn(BTreeSet<String>),
    /// The label exists.
    Exists,
    /// The label does not exist.
    DoesNotExist,
    /// The label is a number greater than this.
    Greater(i64),
    /// The label is a number less than this.
    Less(i64),
}

/// What one label must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// Key of the label.
    pub key: String,
    /// What its value must be.
    pub operator: Operator,
}

/// A conjunction of requirements. Without any it matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LabelSelector {
    /// All must hold.
    pub requirements: Vec<Requirement>,
}

/// Why a text or value is no label selector, in the words of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadLabelSelector(pub(super) String);

impl Requirement {
    /// Refuses a key or value that no label can have.
    fn check(&self) -> Result<(), BadLabelSelector> {
        parser::checked_key("key", &self.key)?;
        match &self.operator {
            Operator::In(values) | Operator::NotIn(values) => parser::checked(values.clone(), &self.key).map(drop),
            Operator::Exists | Operator::DoesNotExist | Operator::Greater(_) | Operator::Less(_) => Ok(()),
        }
    }

    /// Whether a label of this value (or absence) satisfies the requirement.
    #[must_use]
    pub fn matches(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|text| text.parse::<i64>().ok());
        match &self.operator {
            Operator::In(values) => value.is_some_and(|value| values.contains(value)),
            Operator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Greater(than) => number().is_some_and(|number| number > *than),
            Operator::Less(than) => number().is_some_and(|number| number < *than),
        }
    }
}

impl LabelSelector {
    /// Reads the text of a `labelSelector` parameter: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    ///
    /// # Errors
    /// When the text is malformed, or a key or value cannot be one of a label.
    pub fn parse(text: &str) -> Result<Self, BadLabelSelector> {
        parser::selector(text)
    }

    /// Reads a `metav1.LabelSelector`. An absent one (null) must be handled by the caller: it matches nothing in some
    /// fields and everything in others; here it is empty and matches everything.
    ///
    /// # Errors
    /// When an expression's operator is unknown, or has values where it must have none or none where it must have some; when a
    /// key or value cannot be one of a label.
    pub fn from_value(value: &Value) -> Result<Self, BadLabelSelector> {
        let mut selector = Self::from_labels(&value["matchLabels"]);
        for expression in value["matchExpressions"].as_array().into_iter().flatten() {
            let key = expression["key"].as_str().unwrap_or_default().to_owned();
            let values = expression["values"].as_array().into_iter().flatten();
            let values: BTreeSet<String> = values.filter_map(Value::as_str).map(Into::into).collect();
            let operator = expression["operator"].as_str().unwrap_or_default();
            selector.requirements.push(Requirement { key, operator: operator_of(operator, values)? });
        }
        selector.requirements.iter().try_for_each(Requirement::check)?;
        Ok(selector)
    }

    /// Equality with every pair of a JSON object, as a Service's or a ReplicationController's `spec.selector` means it.
    #[must_use]
    pub fn from_labels(labels: &Value) -> Self {
        let pairs = labels.as_object().into_iter().flatten();
        let equal = pairs.map(|(key, value)| Requirement {
            key: key.clone(),
            operator: Operator::In([value.as_str().unwrap_or_default().to_owned()].into()),
        });
        Self { requirements: equal.collect() }
    }

    /// Whether labels, looked up by key, satisfy every requirement.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|one| one.matches(label(&one.key)))
    }

    /// Whether the object's labels satisfy every requirement.
    #[must_use]
    pub fn matches_record(&self, record: &Record) -> bool {
        self.matches(|key| record.label(key))
    }

    /// Whether `metadata.labels`, as JSON, satisfy every requirement.
    #[must_use]
    pub fn matches_labels(&self, labels: &Value) -> bool {
        self.matches(|key| labels.get(key).and_then(Value::as_str))
    }

    /// Whether there is no requirement at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// A label and the one value that it must have, when some requirement says so: a start for an index.
    #[must_use]
    pub fn exact(&self) -> Option<(&str, &str)> {
        self.requirements.iter().find_map(|one| match &one.operator {
            Operator::In(values) if values.len() == 1 => values.first().map(|value| (one.key.as_str(), value.as_str())),
            _ => None,
        })
    }
}

fn operator_of(name: &str, values: BTreeSet<String>) -> Result<Operator, BadLabelSelector> {
    match (name, values.is_empty()) {
        ("In", false) => Ok(Operator::In(values)),
        ("NotIn", false) => Ok(Operator::NotIn(values)),
        ("Exists", true) => Ok(Operator::Exists),
        ("DoesNotExist", true) => Ok(Operator::DoesNotExist),
        ("In" | "NotIn", true) => {
            Err(BadLabelSelector("values: for 'in', 'notin' operators, values set can't be empty".into()))
        }
        ("Exists" | "DoesNotExist", false) => {
            Err(BadLabelSelector("values: values set must be empty for exists and does not exist".into()))
        }
        _ => Err(BadLabelSelector(format!("\"{name}\" is not a valid label selector operator"))),
    }
}

/// The text that [`LabelSelector::parse`] reads, as Scale's `status.selector` and Selector columns carry it.
impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, one) in self.requirements.iter().enumerate() {
            if nth > 0 {
                f.write_str(",")?;
            }
            one.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &BTreeSet<String>| values.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let key = &self.key;
        match &self.operator {
            Operator::In(values) if values.len() == 1 => write!(f, "{key}={}", list(values)),
            Operator::In(values) => write!(f, "{key} in ({})", list(values)),
            Operator::NotIn(values) => write!(f, "{key} notin ({})", list(values)),
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::Greater(than) => write!(f, "{key}>{than}"),
            Operator::Less(than) => write!(f, "{key}<{than}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn check(text: &str, labels: &Value) -> Result<bool, String> {
        LabelSelector::parse(text).map(|selector| selector.matches_labels(labels)).map_err(|error| error.to_string())
    }

    #[test]
    fn requirements_hold_as_kubernetes_defines_them() {
        let labels = json!({"a": "1", "b": "x", "e": ""});
        for text in
            ["", "a", "!z", "a=1", "a==1", "a!=2", "z!=2", "a in (1,2)", "a notin (3)", "e=", "a>0,a<2", "e in ()"]
        {
            assert_eq!(check(text, &labels), Ok(true), "{text}");
        }
        for text in ["z", "!a", "a=2", "a!=1", "z=", "b in (1,2)", "b notin (x)", "b>0", "a=1,b=y"] {
            assert_eq!(check(text, &labels), Ok(false), "{text}");
        }
    }

    #[test]
    fn malformed_text_is_told_in_the_words_of_kubernetes() {
        let told = |text: &str| check(text, &json!({})).unwrap_err();
        assert_eq!(told("a===b"), "unable to parse requirement: found '=', expected: identifier");
        assert_eq!(told("a=b,"), "found '', expected: identifier after ','");
        assert_eq!(told("=a"), "found '=', expected: !, identifier, or 'end of string'");
        assert_eq!(told("a b"), "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
        assert_eq!(told("a in b"), "unable to parse requirement: found 'b' expected: '('");
        let value = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
                     start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
                     for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
        let one = format!("values[1][a]: Invalid value: \"b-\": {value}");
        assert_eq!(told("a in (c, b-, a)"), format!("unable to parse requirement: {one}"));
        let two = format!("[{one}, values[2][a]: Invalid value: \"c-\": {value}]");
        assert_eq!(told("a notin (c-, b-, a)"), format!("unable to parse requirement: {two}"));
        assert_eq!(told("a=b c=d"), "found 'c', expected: ',' or 'end of string'");
    }

    #[test]
    fn structured_selectors_say_the_same() {
        let value = json!({"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["b", "a"]}, {"key": "old", "operator": "DoesNotExist"}]});
        let selector = LabelSelector::from_value(&value).unwrap();
        assert_eq!(selector.to_string(), "app=web,tier in (a,b),!old");
        assert!(selector.matches_labels(&json!({"app": "web", "tier": "a"})));
        assert_eq!(selector.exact(), Some(("app", "web")));
        let bad = json!({"matchExpressions": [{"key": "a", "operator": "Like"}]});
        let told = LabelSelector::from_value(&bad).unwrap_err().to_string();
        assert_eq!(told, "\"Like\" is not a valid label selector operator");
    }

    #[test]
    fn what_no_label_can_have_selects_nothing() {
        for bad in [
            json!({"matchLabels": {"|": ""}}),
            json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["?"]}]}),
        ] {
            assert!(LabelSelector::from_value(&bad).unwrap_err().0.contains("Invalid value"), "{bad}");
        }
    }

    fn requirements() -> impl Strategy<Value = Requirement> {
        let value = "[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?";
        let values = prop::collection::btree_set(value, 1..4);
        let operator = prop_oneof![
            values.clone().prop_map(Operator::In),
            values.prop_map(Operator::NotIn),
            Just(Operator::Exists),
            Just(Operator::DoesNotExist),
            any::<i64>().prop_map(Operator::Greater),
        ];
        // `in` and `notin` are words of the language only after a key, so even they may be keys.
        (prop_oneof!["in", "notin", "[a-z][a-z0-9-]{0,6}[a-z0-9]", "[a-z]{1,3}/[A-Z]"], operator)
            .prop_map(|(key, operator)| Requirement { key, operator })
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(requirements in prop::collection::vec(requirements(), 0..4)) {
            let selector = LabelSelector { requirements };
            prop_assert_eq!(LabelSelector::parse(&selector.to_string()), Ok(selector));
        }

        #[test]
        fn no_text_breaks_the_parser(text in "[a-c=!(), <>]{0,12}|\\PC{0,12}") {
            if let Ok(selector) = LabelSelector::parse(&text) {
                let again = LabelSelector::parse(&selector.to_string());
                prop_assert_eq!(again, Ok(selector));
            }
        }
    }
}
