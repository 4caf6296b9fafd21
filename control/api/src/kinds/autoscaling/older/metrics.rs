//! Metrics of `v2beta1`, which are also those of the annotations of `v1`: flat, where the stored ones have parts.

use serde_json::{Value, json};

use crate::json;

/// Which amounts a list of metrics holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amounts {
    /// Those that `spec.metrics` asks for.
    Target,
    /// Those that `status.currentMetrics` tells.
    Current,
}

/// A kind of metric: the older name of each of its values, and where that is stored.
struct Metric {
    kind: &'static str,
    /// What is measured: a part and a field in it, or a field alone.
    about: &'static [(&'static str, &'static str, &'static str)],
    /// Amounts, each in the part that is called as [`Amounts`] are. The older name begins with that word, if with a capital here.
    amounts: &'static [(&'static str, &'static str)],
}

const METRICS: &[Metric] = &[
    Metric {
        kind: "object",
        about: &[
            ("target", "", "describedObject"),
            ("metricName", "metric", "name"),
            ("selector", "metric", "selector"),
        ],
        amounts: &[("Value", "value"), ("averageValue", "averageValue")],
    },
    Metric {
        kind: "pods",
        about: &[("metricName", "metric", "name"), ("selector", "metric", "selector")],
        amounts: &[("AverageValue", "averageValue")],
    },
    Metric {
        kind: "resource",
        about: &[("name", "", "name")],
        amounts: &[("AverageUtilization", "averageUtilization"), ("AverageValue", "averageValue")],
    },
    Metric {
        kind: "containerResource",
        about: &[("name", "", "name"), ("container", "", "container")],
        amounts: &[("AverageUtilization", "averageUtilization"), ("AverageValue", "averageValue")],
    },
    Metric {
        kind: "external",
        about: &[("metricName", "metric", "name"), ("metricSelector", "metric", "selector")],
        amounts: &[("Value", "value"), ("AverageValue", "averageValue")],
    },
];

impl Amounts {
    fn part(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Current => "current",
        }
    }
}

impl Metric {
    /// The older name of each value, and part and field where it is stored.
    fn places(&self, amounts: Amounts) -> impl Iterator<Item = (String, &'static str, &'static str)> {
        let about = self.about.iter().map(|(older, part, field)| ((*older).to_owned(), *part, *field));
        about.chain(self.amounts.iter().map(move |(older, field)| {
            let prefix = if older.starts_with(char::is_uppercase) { amounts.part() } else { "" };
            (format!("{prefix}{older}"), amounts.part(), *field)
        }))
    }

    fn flat(&self, stored: &Value, amounts: Amounts) -> Value {
        let mut older = json!({});
        for (name, part, field) in self.places(amounts) {
            let home = if part.is_empty() { Some(stored) } else { stored.get(part) };
            if let Some(value) = home.and_then(|home| home.get(field)) {
                json::set(&mut older, &name, value.clone());
            }
        }
        if self.kind == "object" && amounts == Amounts::Target {
            // The older form cannot leave it out.
            json::fill(&mut older, "targetValue", "0");
        }
        older
    }

    fn parted(&self, older: &Value, amounts: Amounts) -> Value {
        let mut stored = json!({});
        for (name, part, field) in self.places(amounts) {
            let Some(value) = older.get(&name) else { continue };
            let home = if part.is_empty() { Some(&mut stored) } else { json::part(&mut stored, part) };
            if let Some(home) = home {
                json::set(home, field, value.clone());
            }
        }
        if amounts == Amounts::Target
            && let Some(target) = json::part(&mut stored, amounts.part())
        {
            self.complete(target);
        }
        stored
    }

    /// Says what a target is about, which the older form leaves to be seen.
    fn complete(&self, target: &mut Value) {
        let has = |name: &str| target.get(name).is_some();
        let of = match self.kind {
            _ if has("averageUtilization") => "Utilization",
            "object" if !has("averageValue") => "Value",
            "external" if has("value") => "Value",
            _ => "AverageValue",
        };
        match (self.kind, of) {
            ("object", "Value") => json::fill(target, "value", "0"),
            ("object", _) if target["value"] == "0" => {
                target.as_object_mut().map(|fields| fields.remove("value"));
            }
            _ => {}
        }
        json::set(target, "type", of);
    }
}

/// A list of metrics in the older form.
pub(super) fn to_older(list: &Value, amounts: Amounts) -> Value {
    each(list, |metric, stored| metric.flat(stored, amounts))
}

/// A list of metrics of the older form as it is stored.
pub(super) fn from_older(list: &Value, amounts: Amounts) -> Value {
    each(list, |metric, older| metric.parted(older, amounts))
}

/// Turns the part of each metric that its kind is about.
fn each(list: &Value, turn: impl Fn(&Metric, &Value) -> Value) -> Value {
    let one = |given: &Value| {
        let mut out = json!({});
        if let Some(of) = given.get("type") {
            json::set(&mut out, "type", of.clone());
        }
        for metric in METRICS {
            if let Some(part) = given.get(metric.kind) {
                json::set(&mut out, metric.kind, turn(metric, part));
            }
        }
        out
    };
    list.as_array().into_iter().flatten().map(one).collect()
}
