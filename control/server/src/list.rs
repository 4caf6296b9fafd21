//! List: objects of one kind at one revision, as stored bytes with the revision spliced in.

use std::sync::Arc;

use api::continuation::Continue;
use api::meta::{Revision, Timestamp};
use api::record::Record;
use api::status::Status;
use api::view::View;
use http::HeaderMap;
use serde_json::json;

use crate::fail::Reply;
use crate::negotiate::Shape;
use crate::query::Query;
use crate::revision::{self, Wanted};
use crate::select::Selection;
use crate::send;
use crate::table::{self, Include};
use crate::verbs::{Core, write_item};

/// Size of the pieces in which an answer is made and sent.
const PIECE: usize = 64 << 10;

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    /// Revision of the state that was read.
    pub(crate) revision: Revision,
    /// The objects.
    pub(crate) records: Vec<Arc<Record>>,
    next: Option<String>,
    remaining: Option<usize>,
}

/// Reads the page that the query asks for.
pub(crate) async fn read(core: &Core, selection: &Selection, query: &Query) -> Result<Page, Status> {
    let wanted = revision::of_list(query)?;
    let limit = revision::limit(query)?.unwrap_or(usize::MAX);
    let Some(token) = query.get("continue") else {
        let view = core.state(wanted).await?;
        return Ok(page(&view, selection, "", limit));
    };
    let token = Continue::decode(token)?;
    if token.revision.is_some() && query.get("resourceVersion").is_some_and(|revision| revision != "0") {
        return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
    }
    let view = match token.revision {
        None => core.state(Wanted::Newest).await?,
        Some(revision) => core.store.view_at(revision).ok_or_else(|| token.lost())?,
    };
    let start = format!("{}{}", selection.prefix(), token.start);
    Ok(page(&view, selection, &start, limit))
}

/// All that is meant, in a view that has nothing else.
pub(crate) fn whole(view: &View, selection: &Selection) -> Page {
    page(view, selection, "", usize::MAX)
}

fn page(view: &View, selection: &Selection, start: &str, limit: usize) -> Page {
    let mut found = selection.records(view, start);
    let records: Vec<Arc<Record>> = found.by_ref().take(limit).cloned().collect();
    let mut page = Page { revision: view.revision(), records, next: None, remaining: None };
    if found.next().is_some()
        && let Some(last) = page.records.last()
    {
        let after = format!("{}\0", last.key.as_str().strip_prefix(&selection.prefix()).unwrap_or_default());
        page.next = Some(Continue { revision: Some(page.revision), start: after }.encode());
        page.remaining = selection.is_whole().then(|| 1 + found.count());
    }
    page
}

impl Page {
    /// `metadata` of the list.
    pub(crate) fn metadata(&self) -> serde_json::Value {
        let mut meta = json!({});
        if self.revision > Revision::ZERO {
            meta["resourceVersion"] = self.revision.to_string().into();
        }
        if let Some(next) = &self.next {
            meta["continue"] = next.as_str().into();
        }
        if let Some(remaining) = self.remaining {
            meta["remainingItemCount"] = remaining.into();
        }
        meta
    }
}

/// How one object of a list is written.
type Item = Box<dyn Fn(&Record, &mut Vec<u8>) -> Result<(), Status> + Send>;

/// The page as an answer.
pub(crate) fn answer(
    page: Page,
    selection: &Selection,
    shape: Shape,
    include: Include,
    headers: &HeaderMap,
    now: Timestamp,
) -> Reply {
    let kind = selection.kind;
    let list = |name: &str, version: &str| {
        format!("{{\"kind\":\"{name}\",\"apiVersion\":\"{version}\",\"metadata\":{},\"items\":[", page.metadata())
    };
    let (head, item): (String, Item) = match shape {
        Shape::Object => {
            let write = move |record: &Record, out: &mut Vec<u8>| write_item(kind, record, out);
            (list(&format!("{}List", kind.kind), &kind.api_version()), Box::new(write))
        }
        Shape::Partial => {
            let write =
                move |record: &Record, out: &mut Vec<u8>| table::write_partial(kind, record, record.revision, out);
            (list("PartialObjectMetadataList", "meta.k8s.io/v1"), Box::new(write))
        }
        Shape::Table => {
            let write = move |record: &Record, out: &mut Vec<u8>| table::write_row(record, kind, include, now, out);
            (table::head(&page, kind), Box::new(write))
        }
    };
    send::stream(pieces(head, page.records, item), headers)
}

/// The text of a list in pieces, each made when it is asked for.
fn pieces(
    head: String,
    records: Vec<Arc<Record>>,
    item: Item,
) -> impl Iterator<Item = std::io::Result<Vec<u8>>> + Send {
    let mut records = records.into_iter();
    let mut head = Some(head);
    let mut done = false;
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let mut piece = Vec::with_capacity(PIECE + PIECE / 8);
        let mut first = false;
        if let Some(head) = head.take() {
            piece.extend_from_slice(head.as_bytes());
            first = true;
        }
        while piece.len() < PIECE {
            let Some(record) = records.next() else {
                piece.extend_from_slice(b"]}\n");
                done = true;
                break;
            };
            if !first {
                piece.push(b',');
            }
            first = false;
            if let Err(status) = item(&record, &mut piece) {
                done = true;
                return Some(Err(std::io::Error::other(status.message)));
            }
        }
        Some(Ok(piece))
    })
}
