//! Forms of texts that Kubernetes has names for.

pub(super) const FUNCTIONS: &[&str] = &[
    "kubernetes.NamedFormat . validate(string): optional(list(string))",
    "format.named(string): optional(kubernetes.NamedFormat)",
    "format.dns1123Label(): kubernetes.NamedFormat",
    "format.dns1123Subdomain(): kubernetes.NamedFormat",
    "format.dns1035Label(): kubernetes.NamedFormat",
    "format.qualifiedName(): kubernetes.NamedFormat",
    "format.dns1123LabelPrefix(): kubernetes.NamedFormat",
    "format.dns1123SubdomainPrefix(): kubernetes.NamedFormat",
    "format.dns1035LabelPrefix(): kubernetes.NamedFormat",
    "format.labelValue(): kubernetes.NamedFormat",
    "format.uri(): kubernetes.NamedFormat",
    "format.uuid(): kubernetes.NamedFormat",
    "format.byte(): kubernetes.NamedFormat",
    "format.date(): kubernetes.NamedFormat",
    "format.datetime(): kubernetes.NamedFormat",
];
