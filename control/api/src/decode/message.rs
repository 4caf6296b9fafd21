//! Bodies in protobuf: the kind stands in their envelope.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Finding, MediaType, SHOWN, Target, cannot_be_handled, gvk, unrecognized};
use crate::protobuf::{self, Envelope};
use crate::status::Status;

/// Reads a body as an object of the target's kind.
///
/// Kubernetes itself never tells of numbers that it does not know; we do, as of names, since the field is lost all the same.
pub(super) fn read(body: &[u8], target: Target<'_>, findings: &mut Vec<Finding>) -> Result<Value, Status> {
    let Some(of) = target.schema else { return Err(Status::unsupported_media_type(MediaType::TEXTS)) };
    let envelope = Envelope::open(body).map_err(|error| unrecognized(target, &error, &summary(body)))?;
    let mut object = json!({"apiVersion": envelope.api_version, "kind": envelope.kind});
    gvk::reconcile(&mut object, target).map_err(|error| Status::bad_request(error.to_string()))?;
    let mut unknown = Vec::new();
    if let Value::Object(fields) = &mut object {
        protobuf::object(envelope.raw, envelope.offset, of, fields, &mut unknown)
            .map_err(|error| cannot_be_handled(target, &error))?;
    }
    findings.extend(unknown.into_iter().map(Finding::Unknown));
    Ok(object)
}

/// The first bytes of a body.
fn summary(body: &[u8]) -> String {
    let mut text = String::new();
    for byte in body.iter().take(SHOWN) {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    if body.len() > SHOWN { text + " ..." } else { text }
}
