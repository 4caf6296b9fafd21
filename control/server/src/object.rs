//! Requests about objects: from a target to a verb, and from its outcome to an answer.

use std::sync::Arc;

use api::decode::{FieldValidation, Target as DecodeTarget};
use api::kind::Subresource;
use api::record::Record;
use api::requester::Requester;
use api::status::Status;
use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::app::App;
use crate::fail::Reply;
use crate::negotiate::{self, Shape};
use crate::options::{DeleteOptions, WriteOptions};
use crate::query::Query;
use crate::revision::{self, Wanted};
use crate::route::{Target, Verb};
use crate::select::Selection;
use crate::table::{self, Include};
use crate::verbs::apply::Application;
use crate::verbs::bind::Binding;
use crate::verbs::modify::Part;
use crate::verbs::{Ask, Deleted, Object, Patch, Written, evict, patch, shown};
use crate::{body, computed, list, log, scale, send, warning, watch};

/// Deletions of one collection under way at once.
const DELETIONS: usize = 16;

/// One request about objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) app: &'a App,
    pub(crate) requester: &'a Requester,
    pub(crate) target: &'a Target,
    pub(crate) query: &'a Query,
    pub(crate) headers: &'a HeaderMap,
    /// Who owns what the request sets.
    pub(crate) manager: &'a str,
}

impl<'a> Asked<'a> {
    /// Does what is asked.
    pub(crate) async fn answer(&self, body: Bytes) -> Result<Reply, Status> {
        if self.target.subresource == Some(Subresource::Log) {
            let view = self.app.core.store.view();
            let ask = self.ask(WriteOptions::default());
            let pod = view.get(&ask.key(ask.name)?).cloned().ok_or_else(|| ask.not_found())?;
            return log::logs(&self.app.caller, &view, &pod, self.query).await;
        }
        if self.target.subresource == Some(Subresource::Proxy) {
            let view = self.app.core.store.view();
            let root = if self.target.rest.is_empty() { "/" } else { "" };
            let path = format!("{root}{}{}", self.target.rest, self.query.encoded());
            return self.app.caller.pass(&view, &self.target.name, &path).await;
        }
        let shape = negotiate::shape(self.headers)?;
        match self.target.verb {
            Verb::Get => self.get(shape).await,
            Verb::List => {
                let selection = Selection::of(self.target, self.query)?;
                let page = if selection.kind.flags.computed {
                    list::whole(&computed::view(self.app, selection.kind).await?, &selection)
                } else {
                    list::read(&self.app.core, &selection, self.query).await?
                };
                let include = Include::of(self.query)?;
                Ok(list::answer(page, &selection, shape, include, self.headers, self.app.core.seam.now()))
            }
            Verb::Watch => {
                let selection = Selection::of(self.target, self.query)?;
                watch::start(&self.app.core, &self.app.watches, selection, shape, self.query).await
            }
            Verb::Create => self.create(shape, &body).await,
            Verb::Update => self.update(shape, &body).await,
            Verb::Patch => self.patch(shape, body).await,
            Verb::Delete => self.delete(shape, &body).await,
            Verb::DeleteCollection => self.delete_collection(shape, &body).await,
        }
    }

    fn ask(&self, options: WriteOptions) -> Ask<'a> {
        Ask {
            requester: self.requester,
            epoch: None,
            kind: self.target.kind,
            namespace: &self.target.namespace,
            name: &self.target.name,
            manager: self.manager,
            options,
        }
    }

    async fn get(&self, shape: Shape) -> Result<Reply, Status> {
        let wanted = match revision::parse(self.query.get("resourceVersion"))? {
            None => Wanted::Newest,
            Some(api::meta::Revision::ZERO) => Wanted::Any,
            Some(revision) => Wanted::NotOlderThan(revision),
        };
        let ask = self.ask(WriteOptions::default());
        if ask.kind.flags.computed {
            let view = computed::view(self.app, ask.kind).await?;
            let record = view.get(&ask.key(ask.name)?).ok_or_else(|| computed::unknown(self.app, &ask))?;
            return self.give(StatusCode::OK, &Object::Stored(Arc::clone(record)), shape, &[]);
        }
        let view = self.app.core.state(wanted).await?;
        let record = view.get(&ask.key(ask.name)?).ok_or_else(|| ask.not_found())?;
        let object = Object::Stored(record.clone());
        if self.target.subresource == Some(Subresource::Scale) {
            let scale = Object::Part(api::scale::of(&object.to_value()?));
            return self.give(StatusCode::OK, &scale, shape, &[]);
        }
        self.give(StatusCode::OK, &object, shape, &[])
    }

    async fn create(&self, shape: Shape, body: &[u8]) -> Result<Reply, Status> {
        let options = WriteOptions::of(self.query, "CreateOptions")?;
        let ask = self.ask(options);
        if self.target.subresource == Some(Subresource::Binding) {
            let (body, _) =
                body::object(DecodeTarget::of("", "v1", "Binding"), self.headers, body, options.field_validation)?;
            let binding = Binding::of(&ask, &body)?;
            let core = &self.app.core;
            let outcome = core.bind(self.requester, None, &[binding], options.dry_run).await;
            outcome.into_iter().collect::<Result<Vec<_>, _>>()?;
            return Ok(success(StatusCode::CREATED, None));
        }
        if self.target.subresource == Some(Subresource::Eviction) {
            let body = evict::body(self.headers, body, options.field_validation)?;
            let options = evict::options(&ask, &body, self.query)?;
            self.app.core.evict(&ask, &options).await?;
            return Ok(success(StatusCode::CREATED, None));
        }
        let (object, warnings) = self.decode(body, options)?;
        let written = self.app.core.create(&ask, object).await?;
        self.written(written, shape, warnings)
    }

    async fn update(&self, shape: Shape, body: &[u8]) -> Result<Reply, Status> {
        let options = WriteOptions::of(self.query, "UpdateOptions")?;
        let ask = self.ask(options);
        if self.target.subresource == Some(Subresource::Scale) {
            let validation = options.field_validation;
            let (scale, warnings) = body::object(scale::target(), self.headers, body, validation)?;
            return self.written(self.app.core.put_scale(&ask, &scale).await?, shape, warnings);
        }
        let (object, warnings) = self.decode(body, options)?;
        let part = Part::of(self.target.subresource);
        self.written(self.app.core.update(&ask, part, object).await?, shape, warnings)
    }

    async fn patch(&self, shape: Shape, body: Bytes) -> Result<Reply, Status> {
        let content_type = body::content_type(self.headers);
        if patch::is_apply(content_type) {
            return self.apply(shape, &body).await;
        }
        let patch = Patch::of(content_type, body)?;
        let ask = self.ask(WriteOptions::of_patch(self.query, false)?);
        let core = &self.app.core;
        if self.target.subresource == Some(Subresource::Scale) {
            return self.written(core.patch_scale(&ask, &patch).await?, shape, Vec::new());
        }
        let written = core.patch(&ask, Part::of(self.target.subresource), &patch).await?;
        self.written(written, shape, Vec::new())
    }

    async fn apply(&self, shape: Shape, body: &[u8]) -> Result<Reply, Status> {
        let options = WriteOptions::of_patch(self.query, true)?;
        let ask = self.ask(options);
        let application = Application::of(body, self.query.flag("force"), options.field_validation)?;
        let core = &self.app.core;
        if self.target.subresource == Some(Subresource::Scale) {
            return self.written(core.apply_scale(&ask, &application).await?, shape, Vec::new());
        }
        let creation = Target { verb: Verb::Create, ..self.target.clone() };
        let may_create = self.app.authorize(self.requester, &creation, self.query);
        let part = Part::of(self.target.subresource);
        self.written(core.apply(&ask, part, &application, may_create).await?, shape, Vec::new())
    }

    async fn delete(&self, shape: Shape, body: &[u8]) -> Result<Reply, Status> {
        let options = self.delete_options(body)?;
        let ask = self.ask(WriteOptions::default());
        match self.app.core.delete(&ask, &options).await? {
            Deleted::Gone(_, uid) if !self.target.kind.flags.returns_deleted => {
                let kind = self.target.kind;
                let mut details = json!({"name": ask.name, "kind": &*kind.plural, "uid": uid.as_str()});
                if !kind.group.is_empty() {
                    details["group"] = (&*kind.group).into();
                }
                Ok(success(StatusCode::OK, Some(details)))
            }
            Deleted::Gone(object, _) => self.give(StatusCode::OK, &object, shape, &[]),
            Deleted::Marked(object) => {
                let code = if options.accepts { StatusCode::ACCEPTED } else { StatusCode::OK };
                self.give(code, &object, shape, &[])
            }
        }
    }

    /// Deletes what the query selects, and answers it as it was before.
    async fn delete_collection(&self, shape: Shape, body: &[u8]) -> Result<Reply, Status> {
        let options = self.delete_options(body)?;
        let selection = Selection::of(self.target, self.query)?;
        let include = Include::of(self.query)?;
        let page = list::read(&self.app.core, &selection, self.query).await?;
        let one = |record: Arc<Record>| {
            let options = options.clone();
            async move {
                let (namespace, name) = (record.key.namespace(), record.key.name());
                let ask = Ask { namespace, name, ..self.ask(WriteOptions::default()) };
                match self.app.core.delete(&ask, &options).await {
                    Err(status) if status.code != 404 => Err(status),
                    Ok(_) | Err(_) => Ok(()),
                }
            }
        };
        let mut outcomes = futures::stream::iter(page.records.clone()).map(one).buffered(DELETIONS);
        while let Some(outcome) = outcomes.next().await {
            outcome?;
        }
        Ok(list::answer(page, &selection, shape, include, self.headers, self.app.core.seam.now()))
    }

    fn delete_options(&self, body: &[u8]) -> Result<DeleteOptions, Status> {
        if body.is_empty() {
            return DeleteOptions::of(self.query, None);
        }
        let (body, _) =
            body::object(DecodeTarget::of("", "v1", "DeleteOptions"), self.headers, body, FieldValidation::Ignore)?;
        DeleteOptions::of(self.query, Some(&body))
    }

    /// The object of a body in the form that is stored, and what to warn about.
    fn decode(&self, body: &[u8], options: WriteOptions) -> Result<(Value, Vec<String>), Status> {
        let (mut object, warnings) = body::object(self.target.kind, self.headers, body, options.field_validation)?;
        self.target.kind.to_stored(&mut object);
        Ok((object, warnings))
    }

    fn written(&self, written: Written, shape: Shape, mut warnings: Vec<String>) -> Result<Reply, Status> {
        warnings.extend(written.warnings);
        let code = if written.created { StatusCode::CREATED } else { StatusCode::OK };
        self.give(code, &written.object, shape, &warnings)
    }

    /// One object as the client takes it.
    fn give(&self, code: StatusCode, object: &Object, shape: Shape, warnings: &[String]) -> Result<Reply, Status> {
        let kind = self.target.kind;
        let now = self.app.core.seam.now();
        let body = match (shape, object) {
            (Shape::Object, _) => object.to_bytes(kind)?,
            (Shape::Partial, Object::Part(scale)) => table::partial(scale.clone()).to_string().into_bytes(),
            (Shape::Partial, _) => table::partial(shown(kind, object.to_value()?)).to_string().into_bytes(),
            (Shape::Table, Object::Part(scale)) => {
                table::of_scale(scale.clone(), Include::of(self.query)?, now).to_string().into_bytes()
            }
            (Shape::Table, _) => {
                let include = Include::of(self.query)?;
                table::of_object(object.to_value()?, kind, include, true, now).to_string().into_bytes()
            }
        };
        let mut reply = send::json(body, self.headers);
        *reply.status_mut() = code;
        warning::add(reply.headers_mut(), warnings);
        Ok(reply)
    }
}

/// `metav1.Status` with `status: Success`.
fn success(code: StatusCode, details: Option<Value>) -> Reply {
    let mut status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
    match details {
        Some(details) => status["details"] = details,
        None => status["code"] = code.as_u16().into(),
    }
    let mut reply = send::json(status.to_string().into_bytes(), &HeaderMap::new());
    *reply.status_mut() = code;
    reply
}
