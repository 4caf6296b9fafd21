//! Resources by whatever name people use: plural, singular, short, kind, with or without group.

use http::Method;
use serde::Deserialize;

use crate::client::{Client, CommandError, Result, ask};

/// A resource that the server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// API group; empty for core.
    pub group: String,
    /// Version.
    pub version: String,
    /// `pods`.
    pub plural: String,
    /// `pod`.
    pub singular: String,
    /// `Pod`.
    pub kind: String,
    /// Short names.
    pub short: Vec<String>,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// `all`, …
    pub categories: Vec<String>,
}

impl Resource {
    /// Path of the collection, or of an object in it.
    #[must_use]
    pub fn path(&self, namespace: Option<&str>, name: Option<&str>) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        let namespace = match namespace {
            Some(namespace) if self.namespaced => format!("/namespaces/{namespace}"),
            _ => String::new(),
        };
        let name = name.map(|name| format!("/{name}")).unwrap_or_default();
        format!("{root}{namespace}/{}{name}", self.plural)
    }

    /// `deployment.apps/web`, as kubectl names an object in its messages.
    #[must_use]
    pub fn display(&self, name: &str) -> String {
        if self.group.is_empty() {
            format!("{}/{name}", self.singular)
        } else {
            format!("{}.{}/{name}", self.singular, self.group)
        }
    }

    fn is_called(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let (base, group) = name.split_once('.').map_or((name.as_str(), None), |(base, group)| (base, Some(group)));
        let known = [self.plural.as_str(), self.singular.as_str()].contains(&base)
            || self.short.iter().any(|short| short == base)
            || self.kind.eq_ignore_ascii_case(base);
        known && group.is_none_or(|group| group == self.group || self.group.starts_with(&format!("{group}.")))
    }
}

#[derive(Deserialize)]
struct GroupList {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    preferred_version: GroupVersion,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersion {
    group_version: String,
}

#[derive(Deserialize)]
struct ResourceList {
    resources: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    name: String,
    #[serde(default)]
    singular_name: String,
    namespaced: bool,
    kind: String,
    #[serde(default)]
    short_names: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
}

/// What a server serves.
#[derive(Clone, Debug)]
pub struct Discovery(Vec<Resource>);

impl Discovery {
    /// Asks the server.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn load(client: &Client) -> Result<Self> {
        let groups: GroupList = parse(client.json(ask(Method::GET, "/apis", JSON)?).await?)?;
        let mut versions = vec![String::from("v1")];
        versions.extend(groups.groups.into_iter().map(|group| group.preferred_version.group_version));
        let mut resources = Vec::new();
        for group_version in versions {
            let (group, version) = group_version.split_once('/').unwrap_or(("", &group_version));
            let path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
            let list: ResourceList = parse(client.json(ask(Method::GET, &path, JSON)?).await?)?;
            resources.extend(list.resources.into_iter().filter(|listed| !listed.name.contains('/')).map(|listed| {
                let singular =
                    if listed.singular_name.is_empty() { listed.kind.to_lowercase() } else { listed.singular_name };
                Resource {
                    group: group.to_owned(),
                    version: version.to_owned(),
                    plural: listed.name,
                    singular,
                    kind: listed.kind,
                    short: listed.short_names,
                    namespaced: listed.namespaced,
                    categories: listed.categories,
                }
            }));
        }
        Ok(Self(resources))
    }

    /// Resources of that name, or of that category.
    ///
    /// # Errors
    /// When the server serves none.
    pub fn find(&self, name: &str) -> Result<Vec<&Resource>> {
        if let Some(resource) = self.0.iter().find(|resource| resource.is_called(name)) {
            return Ok(vec![resource]);
        }
        let of_category: Vec<&Resource> =
            self.0.iter().filter(|resource| resource.categories.iter().any(|category| category == name)).collect();
        if of_category.is_empty() {
            return Err(CommandError::Usage(format!("the server doesn't have a resource type \"{name}\"")));
        }
        Ok(of_category)
    }

    /// The resource of a manifest.
    ///
    /// # Errors
    /// When the server serves none.
    pub fn of_kind(&self, api_version: &str, kind: &str) -> Result<&Resource> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let found = self
            .0
            .iter()
            .find(|resource| resource.group == group && resource.version == version && resource.kind == kind);
        found.ok_or_else(|| CommandError::Usage(format!("no matches for kind \"{kind}\" in version \"{api_version}\"")))
    }
}

const JSON: &str = "application/json";

fn parse<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T> {
    serde_json::from_value(value)
        .map_err(|error| CommandError::Unreachable(format!("the answer to discovery is not understood: {error}")))
}

/// What `RESOURCE NAME…` or `RESOURCE/NAME …` mean: pairs of a resource and a name, the name absent for all.
///
/// # Errors
/// When a resource is not served or the two forms are mixed.
pub fn targets<'a>(
    discovery: &'a Discovery,
    resource: &str,
    names: &[String],
) -> Result<Vec<(&'a Resource, Option<String>)>> {
    if resource.contains('/') {
        let each = std::iter::once(resource).chain(names.iter().map(String::as_str));
        let mut targets = Vec::new();
        for target in each {
            let (resource, name) = target.split_once('/').ok_or_else(|| {
                CommandError::Usage(format!(
                    "there is no need to name the resource apart from \"{target}\": use RESOURCE/NAME for each"
                ))
            })?;
            targets.extend(discovery.find(resource)?.into_iter().map(|resource| (resource, Some(name.to_owned()))));
        }
        return Ok(targets);
    }
    let mut targets = Vec::new();
    for resource in resource.split(',') {
        for resource in discovery.find(resource)? {
            if names.is_empty() {
                targets.push((resource, None));
            }
            targets.extend(names.iter().map(|name| (resource, Some(name.clone()))));
        }
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn discovery() -> Discovery {
        let resource = |group: &str, plural: &str, kind: &str, short: &str| Resource {
            group: group.into(),
            version: "v1".into(),
            plural: plural.into(),
            singular: kind.to_lowercase(),
            kind: kind.into(),
            short: vec![short.into()],
            namespaced: true,
            categories: vec!["all".into()],
        };
        Discovery(vec![resource("", "pods", "Pod", "po"), resource("apps", "deployments", "Deployment", "deploy")])
    }

    fn check(resource: &str, names: &[&str], expected: &[(&str, Option<&str>)]) {
        let discovery = discovery();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let found = targets(&discovery, resource, &names).unwrap();
        let found: Vec<_> = found.iter().map(|(resource, name)| (resource.plural.as_str(), name.as_deref())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn people_name_resources_in_many_ways() {
        for name in ["po", "pod", "pods", "Pod"] {
            check(name, &[], &[("pods", None)]);
        }
        check("deployments.apps", &["a", "b"], &[("deployments", Some("a")), ("deployments", Some("b"))]);
        check("deploy/a", &["pod/b"], &[("deployments", Some("a")), ("pods", Some("b"))]);
        check("po,deploy", &[], &[("pods", None), ("deployments", None)]);
        check("all", &[], &[("pods", None), ("deployments", None)]);
    }

    #[test]
    fn what_is_not_served_is_said_in_kubectls_words() {
        let error = targets(&discovery(), "things", &[]).unwrap_err().to_string();
        assert_eq!(error, "the server doesn't have a resource type \"things\"");
    }
}
