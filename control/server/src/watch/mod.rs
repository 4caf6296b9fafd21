//! Watch: what happens to a selection of objects, from a revision on, as it happens.

mod beginning;
mod board;
mod follow;
mod frame;
mod hub;
mod place;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use api::status::Status;
use axum::body::Body;
use futures::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use crate::fail::Reply;
use crate::negotiate::Shape;
use crate::query::Query;
use crate::select::Selection;
use crate::verbs::Core;

use beginning::Beginning;
use follow::{Alarm, Stage, Watch};
use frame::Form;
pub(crate) use hub::Hub;

/// Between two bookmarks of a quiet watch.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// A watch without a timeout of its own ends after this and up to twice this, so that not all end together.
const TIMEOUT: Duration = Duration::from_secs(1800);
/// Longest watch.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);
/// Size from which a piece of an initial state or of the history is sent before it grows further, in bytes.
const PIECE: usize = 64 << 10;

/// Starts a watch.
pub(crate) async fn start(
    core: &Arc<Core>,
    hub: &Arc<Hub>,
    selection: Selection,
    shape: Shape,
    query: &Query,
) -> Result<Reply, Status> {
    let form = Form::of(shape, query)?;
    let beginning = Beginning::of(query)?;
    let deadline = core.seam.moment() + timeout(core, query)?;
    let bookmarks = query.flag("allowWatchBookmarks");
    // Before the state is read, so that nothing falls between the two.
    let (member, told) = hub.join(&selection, form);
    let (initial, after) = match beginning {
        Beginning::After(revision) => (VecDeque::new(), revision),
        Beginning::Now => (VecDeque::new(), core.store.view().revision()),
        Beginning::State(wanted) => {
            let view = core.state(wanted).await?;
            (selection.records(&view, "").cloned().collect(), view.revision())
        }
    };
    let watch = Watch {
        core: Arc::clone(core),
        hub: Arc::clone(hub),
        member,
        selection,
        form,
        bookmarks,
        initial,
        mark_initial: matches!(beginning, Beginning::State(_)),
        after,
        behind: (after < told).then_some(told),
        columns_sent: false,
        deadline,
        alarm: Alarm::set(core, deadline),
        stage: Stage::Open,
    };
    let pieces = stream::unfold(watch, |mut watch| async move {
        watch.next().await.map(|piece| (Ok::<_, std::io::Error>(piece), watch))
    });
    let mut reply = Response::new(Body::from_stream(pieces));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(reply)
}

/// How long the watch lasts.
fn timeout(core: &Core, query: &Query) -> Result<Duration, Status> {
    Ok(match query.number("timeoutSeconds")?.filter(|seconds| *seconds != 0) {
        // A time that is over already ends the watch at once, as kube-apiserver has it.
        Some(seconds) => Duration::from_secs(u64::try_from(seconds).unwrap_or_default()).min(TIMEOUT_MAX),
        None => TIMEOUT + Duration::from_secs(core.seam.random().below(TIMEOUT.as_secs())),
    })
}
