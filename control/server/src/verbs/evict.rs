//! Evict: delete a pod if the disruption budgets that protect it have something left, and spend it.

use std::sync::Arc;

use api::decode::{FieldValidation, Target};
use api::eviction::{self, Toll};
use api::meta::Resource;
use api::record::Record;
use api::status::Status;
use api::view::View;
use http::HeaderMap;
use serde_json::Value;
use store::Precondition;

use super::delete::Price;
use super::{Ask, Core, kind_of, value_of};
use crate::body;
use crate::options::DeleteOptions;
use crate::query::Query;
use crate::stamp;

/// Group of evictions and of the budgets that they spend.
const GROUP: &str = "policy";
/// Resource of the budgets.
const BUDGETS: &str = "poddisruptionbudgets";

/// Reads an `Eviction` of `policy/v1`, or of `policy/v1beta1`, which old clients send and which has the same form.
pub(crate) fn body(headers: &HeaderMap, body: &[u8], validation: FieldValidation) -> Result<Value, Status> {
    let current = Target::of(GROUP, "v1", "Eviction");
    let read = body::object(current, headers, body, validation).or_else(|refused| {
        let old = Target { version: "v1beta1", ..current };
        body::object(old, headers, body, validation).map_err(|_| refused)
    });
    Ok(read?.0)
}

/// How the pod is to be deleted.
///
/// # Errors
/// 400 when URL and body name different pods, 422 when the options are wrong.
pub(crate) fn options(ask: &Ask<'_>, eviction: &Value, query: &Query) -> Result<DeleteOptions, Status> {
    if stamp::meta_text(eviction, "name") != ask.name {
        return Err(Status::bad_request("name in URL does not match name in Eviction object"));
    }
    DeleteOptions::of(query, Some(&eviction["deleteOptions"]))
}

impl Core {
    /// Evicts a pod: the budget is spent and the pod marked in one transaction, so that neither happens alone.
    ///
    /// # Errors
    /// See [`eviction::judge`] and [`Core::delete`].
    pub(crate) async fn evict(&self, ask: &Ask<'_>, options: &DeleteOptions) -> Result<(), Status> {
        let price = |view: &View, pod: &Value| {
            let records: Vec<&Arc<Record>> = view.list(&Resource::new(GROUP, BUDGETS), Some(ask.namespace)).collect();
            let budgets: Vec<Value> = records.iter().map(|record| value_of(record)).collect::<Result<_, _>>()?;
            let mut going = pod.clone();
            eviction::tell(&mut going, self.seam.now());
            let paid = match eviction::judge(pod, &budgets, self.seam.now())? {
                Toll::Free => None,
                Toll::Budget(at, next) => {
                    let budget = records[at];
                    let kind = kind_of(GROUP, BUDGETS).ok_or_else(|| Status::internal("budgets are not served"))?;
                    let still = Precondition::At(budget.key.clone(), budget.revision);
                    Some((still, Self::put(kind, &budget.key, &next)?))
                }
            };
            Ok(Price { object: going, paid })
        };
        self.delete_for(ask, options, price).await.map(drop)
    }
}
