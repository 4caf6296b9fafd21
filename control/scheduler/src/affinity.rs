//! Node affinity: terms are alternatives, the expressions of a term all hold.

use api::record::Record;
use serde_json::Value;

use crate::candidate::list;

/// Whether required node affinity, if there is any, lets the pod onto the node.
pub(crate) fn required(affinity: &Value, node: &Record) -> bool {
    let Some(selector) = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") else { return true };
    list(selector, "/nodeSelectorTerms").iter().any(|term| matches(term, node))
}

/// Preferred node affinity: weights of the terms that match, as a share of all weights, 0 to 100.
pub(crate) fn preferred(affinity: &Value, node: &Record) -> i64 {
    let preferences = list(affinity, "/preferredDuringSchedulingIgnoredDuringExecution");
    let weight = |preference: &Value| preference.get("weight").and_then(Value::as_i64).unwrap_or(0);
    let all: i64 = preferences.iter().map(weight).sum();
    let met = preferences.iter().filter(|preference| matches(&preference["preference"], node)).map(weight).sum::<i64>();
    if all == 0 { 0 } else { met * 100 / all }
}

/// An empty term matches nothing.
fn matches(term: &Value, node: &Record) -> bool {
    let expressions = list(term, "/matchExpressions");
    let fields = list(term, "/matchFields");
    if expressions.is_empty() && fields.is_empty() {
        return false;
    }
    expressions.iter().all(|expression| holds(expression, |key| node.label(key)))
        && fields.iter().all(|field| holds(field, |key| (key == "metadata.name").then(|| node.key.name())))
}

fn holds<'a>(expression: &Value, value_of: impl Fn(&str) -> Option<&'a str>) -> bool {
    let value = value_of(expression.get("key").and_then(Value::as_str).unwrap_or_default());
    let values = list(expression, "/values");
    let among = || values.iter().any(|wanted| wanted.as_str() == value);
    let number = |text: &str| text.parse::<i64>().ok();
    let bound = || values.first().and_then(Value::as_str).and_then(number);
    match expression.get("operator").and_then(Value::as_str).unwrap_or_default() {
        "In" => value.is_some() && among(),
        "NotIn" => value.is_none() || !among(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => value.and_then(number).zip(bound()).is_some_and(|(value, bound)| value > bound),
        "Lt" => value.and_then(number).zip(bound()).is_some_and(|(value, bound)| value < bound),
        _ => false,
    }
}
