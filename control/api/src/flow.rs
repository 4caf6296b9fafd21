//! Of which flow schema, and so of which priority level, a request is.

mod rules;

use std::sync::Arc;

use serde_json::Value;

use crate::json;
use crate::meta::{Resource, Revision, Uid};
use crate::requester::Requester;
use crate::view::View;
use rules::Rules;

const GROUP: &str = "flowcontrol.apiserver.k8s.io";
/// How late a schema is asked that does not say; as its default.
const PRECEDENCE: i64 = 1000;

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal<'a> {
    /// Objects.
    Objects {
        /// API group; empty for core.
        group: &'a str,
        /// Plural.
        resource: &'a str,
        /// Subresource; empty for the object itself.
        subresource: &'a str,
        /// Namespace; empty for what is in none, and for all of them.
        namespace: &'a str,
    },
    /// A page of the server's own.
    Path(&'a str),
}

/// A request as schemas see it.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    /// Who asks.
    pub requester: &'a Requester,
    /// `list`; of a page, the method in lower case.
    pub verb: &'a str,
    /// What for.
    pub goal: Goal<'a>,
}

/// A schema and its level, by which a request was told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Of the FlowSchema.
    pub schema: Uid,
    /// Of the PriorityLevelConfiguration.
    pub level: Uid,
}

/// Every schema, in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub struct Schemas(Vec<(Rules, Arc<Class>)>);

/// Which objects [`Schemas`] were made of: how many there are, and the revision of the newest. Two states that differ in these
/// objects differ in it, since a write raises the one and a deletion lowers the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Print(usize, Revision);

impl Print {
    /// Of a state.
    #[must_use]
    pub fn of(view: &View) -> Self {
        let mut print = Self::default();
        for plural in ["flowschemas", "prioritylevelconfigurations"] {
            for record in view.list(&Resource::new(GROUP, plural), None) {
                print = Self(print.0 + 1, print.1.max(record.revision));
            }
        }
        print
    }
}

impl Schemas {
    /// Those of a state. A schema whose level is missing, or that cannot be read, is not asked.
    #[must_use]
    pub fn of(view: &View) -> Self {
        let mut found: Vec<_> = view
            .list(&Resource::new(GROUP, "flowschemas"), None)
            .filter_map(|record| {
                let schema: Value = record.to_value().ok()?;
                let level = json::text(&schema, "/spec/priorityLevelConfiguration/name");
                let level = view.find(GROUP, "prioritylevelconfigurations", "", level)?;
                let precedence =
                    schema.pointer("/spec/matchingPrecedence").and_then(Value::as_i64).unwrap_or(PRECEDENCE);
                let class = Class { schema: record.header.uid.clone(), level: level.header.uid.clone() };
                Some((precedence, record.key.name().to_owned(), Rules::of(&schema), Arc::new(class)))
            })
            .collect();
        found.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        Self(found.into_iter().map(|(_, _, rules, class)| (rules, class)).collect())
    }

    /// The class of a request; none when no schema is for it.
    #[must_use]
    pub fn class(&self, flow: &Flow<'_>) -> Option<&Arc<Class>> {
        self.0.iter().find(|(rules, _)| rules.hold(flow)).map(|(_, class)| class)
    }
}

#[cfg(test)]
mod tests;
