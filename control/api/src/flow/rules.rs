//! The rules of a flow schema, read once. A request is of the schema when one of them holds: one of its subjects asks, and one
//! of its parts is about what is asked.

use serde::Deserialize;
use serde_json::Value;

use super::{Flow, Goal};
use crate::requester::Requester;

const ANY: &str = "*";

/// See the module.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    subjects: Vec<Subject>,
    resource_rules: Vec<Objects>,
    non_resource_rules: Vec<Pages>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind")]
enum Subject {
    User {
        user: Named,
    },
    Group {
        group: Named,
    },
    ServiceAccount {
        #[serde(rename = "serviceAccount")]
        account: Account,
    },
}

#[derive(Clone, Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Account {
    namespace: String,
    name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Objects {
    verbs: Vec<String>,
    api_groups: Vec<String>,
    resources: Vec<String>,
    namespaces: Vec<String>,
    cluster_scope: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Pages {
    verbs: Vec<String>,
    #[serde(rename = "nonResourceURLs")]
    urls: Vec<String>,
}

impl Rules {
    /// Those of a FlowSchema; none, which hold for nobody, when they cannot be read.
    pub(super) fn of(schema: &Value) -> Self {
        schema.pointer("/spec/rules").and_then(|rules| Self::deserialize(rules).ok()).unwrap_or_default()
    }

    pub(super) fn hold(&self, flow: &Flow<'_>) -> bool {
        self.0.iter().any(|rule| {
            rule.subjects.iter().any(|subject| subject.is(flow.requester))
                && match flow.goal {
                    Goal::Objects { .. } => rule.resource_rules.iter().any(|objects| objects.cover(flow)),
                    Goal::Path(path) => rule.non_resource_rules.iter().any(|pages| pages.cover(flow.verb, path)),
                }
        })
    }
}

impl Subject {
    fn is(&self, requester: &Requester) -> bool {
        match self {
            Self::User { user } => user.name == ANY || *user.name == *requester.user,
            Self::Group { group } => group.name == ANY || requester.in_group(&group.name),
            Self::ServiceAccount { account } => {
                let own = requester.user.strip_prefix("system:serviceaccount:").and_then(|own| own.split_once(':'));
                own.is_some_and(|(namespace, name)| {
                    namespace == account.namespace && (account.name == ANY || account.name == name)
                })
            }
        }
    }
}

impl Objects {
    fn cover(&self, flow: &Flow<'_>) -> bool {
        let Goal::Objects { group, resource, subresource, namespace } = flow.goal else { return false };
        let place = if namespace.is_empty() { self.cluster_scope } else { has(&self.namespaces, namespace) };
        let whole = if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
        place && has(&self.verbs, flow.verb) && has(&self.api_groups, group) && has(&self.resources, &whole)
    }
}

impl Pages {
    fn cover(&self, verb: &str, path: &str) -> bool {
        let below = |url: &str| {
            let start = url.strip_suffix(ANY).unwrap_or(url);
            path.strip_prefix(start.strip_suffix('/').unwrap_or(start)).is_some_and(|rest| rest.starts_with('/'))
        };
        has(&self.verbs, verb) && self.urls.iter().any(|url| url == ANY || url == path || below(url))
    }
}

/// Whether the list names the text, or anything.
fn has(list: &[String], text: &str) -> bool {
    list.iter().any(|one| one == text) || matches!(list, [one] if one == ANY)
}
