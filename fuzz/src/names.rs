//! Names of all forms.

use api::{metadata, name};

/// What the narrower form allows, the wider one does too; a generated name is as good as its base.
pub(crate) fn all(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let implies = |narrow: fn(&str) -> Vec<String>, wide: fn(&str) -> Vec<String>| {
        if narrow(text).is_empty() {
            assert_eq!(wide(text), Vec::<String>::new(), "{text:?}");
        }
    };
    implies(name::label_1035, name::label);
    implies(name::label, name::subdomain);
    implies(name::label, name::label_value);
    implies(name::label, name::qualified);
    implies(name::subdomain, name::path_segment);
    implies(name::subdomain, name::config_key);
    for check in [name::port, name::environment, name::http_header] {
        assert!(check(text).iter().all(|why| !why.is_empty()));
    }
    let generated = metadata::generated_name(text, "bcdfg");
    if name::label(text).is_empty() {
        assert_eq!(name::label(&generated), Vec::<String>::new(), "{generated:?}");
    }
}
