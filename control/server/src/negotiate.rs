//! What form of an answer a client takes: the object itself, a table, or its metadata.

use api::status::Status;
use http::HeaderMap;
use http::header::ACCEPT;

use crate::fail;

/// Form of an answer. The encoding is JSON always; clients that prefer protobuf take JSON too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The object or list itself.
    #[default]
    Object,
    /// `meta.k8s.io/v1 Table`.
    Table,
    /// `meta.k8s.io/v1 PartialObjectMetadata` or its list.
    Partial,
}

/// The first form among those that the client accepts that we can give.
///
/// # Errors
/// 406 when there is none.
pub(crate) fn shape(headers: &HeaderMap) -> Result<Shape, Status> {
    let mut any = false;
    for header in headers.get_all(ACCEPT) {
        let Ok(header) = header.to_str() else { continue };
        for choice in header.split(',').map(str::trim).filter(|choice| !choice.is_empty()) {
            any = true;
            if let Some(shape) = of_choice(choice) {
                return Ok(shape);
            }
        }
    }
    if any { Err(fail::not_acceptable()) } else { Ok(Shape::Object) }
}

fn of_choice(choice: &str) -> Option<Shape> {
    let mut parts = choice.split(';').map(str::trim);
    if !matches!(parts.next(), Some("application/json" | "application/*" | "*/*")) {
        return None;
    }
    let (mut shape, mut version) = (None, None);
    for part in parts {
        match part.split_once('=') {
            Some(("as", name)) => shape = Some(name),
            Some(("v", name)) => version = Some(name),
            _ => {}
        }
    }
    match (shape, version) {
        (None, _) => Some(Shape::Object),
        (Some("Table"), Some("v1")) => Some(Shape::Table),
        (Some("PartialObjectMetadata" | "PartialObjectMetadataList"), Some("v1")) => Some(Shape::Partial),
        // Discovery answers both forms by itself.
        (Some("APIGroupDiscoveryList"), _) => None,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &str, want: Result<Shape, u16>) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        assert_eq!(shape(&headers).map_err(|status| status.code), want, "{accept}");
    }

    #[test]
    fn the_first_form_that_we_have_wins() {
        check("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Ok(Shape::Table));
        check("application/json;as=Table;v=v1beta1;g=meta.k8s.io, application/json", Ok(Shape::Object));
        check("application/vnd.kubernetes.protobuf,application/json", Ok(Shape::Object));
        check("application/vnd.kubernetes.protobuf, */*", Ok(Shape::Object));
        check("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", Ok(Shape::Partial));
        check("text/foo", Err(406));
        assert_eq!(shape(&HeaderMap::new()), Ok(Shape::Object));
    }
}
