//! CronJob: Jobs of one template at certain times.

use serde_json::{Value, json};

use super::job_spec;
use crate::field::{Errors, Field};
use crate::kind::{Column, Kind, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column, wide};
use crate::meta::Timestamp;
use crate::schedule::{self, Schedule};
use crate::validate::FieldError;
use crate::{json, name, pod_spec, time};

const COLUMNS: &[Column] = &[
    NAME,
    column("Schedule", "string", "When it makes a Job."),
    column("Timezone", "string", "Time zone of the schedule."),
    column("Suspend", "boolean", "Whether it makes none for now."),
    column("Active", "integer", "Number of its Jobs that run."),
    column("Last Schedule", "string", "Time since it last made a Job."),
    AGE,
    wide("Containers", "string", "Names of the template's containers."),
    wide("Images", "string", "Images of the template's containers."),
    wide("Selector", "string", "Labels of its pods."),
];

/// Longest name: that of a Job is longer by a dash and ten digits.
const NAME_MAX: usize = name::LABEL_MAX - 11;

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["cj"],
        categories: &["all"],
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        schema: "io.k8s.api.batch.v1.CronJob",
        ..base("batch", "CronJob", "cronjobs", &CronJob)
    }
}

#[derive(Debug)]
struct CronJob;

impl Strategy for CronJob {
    fn default(&self, object: &mut Value) {
        let Some(spec) = json::part(object, "spec") else { return };
        json::fill(spec, "concurrencyPolicy", "Allow");
        json::fill(spec, "suspend", false);
        json::fill(spec, "successfulJobsHistoryLimit", 3);
        json::fill(spec, "failedJobsHistoryLimit", 1);
        if let Some(template) = json::part(spec, "jobTemplate") {
            json::section(template, "metadata");
            if let Some(job) = json::part(template, "spec") {
                pod_spec::default_template(job);
            }
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let schedule = spec.at("schedule");
        let mut errors: Errors = schedule.must().into_iter().collect();
        if errors.is_empty() {
            errors.extend(Schedule::parse(schedule.text()).err().map(|why| schedule.invalid(why.to_string())));
        }
        errors.extend(spec.at("startingDeadlineSeconds").not_negative());
        errors.extend(spec.at("concurrencyPolicy").must_be_one_of(&["Allow", "Forbid", "Replace"]));
        let job = spec.at("jobTemplate").at("spec");
        errors.extend(job_spec::rules(&job));
        let (selector, manual) = (job.at("selector"), job.at("manualSelector"));
        errors.extend(selector.is_set().then(|| selector.invalid("`selector` will be auto-generated")));
        if manual.is_true() {
            errors.push(FieldError::not_supported_value(manual.path(), manual.value, &["nil", "false"]));
        }
        errors.extend(spec.none_negative(&["successfulJobsHistoryLimit", "failedJobsHistoryLimit"]));
        errors
    }

    fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let mut errors = zone(&root.at("spec"), false);
        let own = root.at("metadata").at("name");
        if own.text().len() > NAME_MAX {
            errors.push(own.invalid(format!("must be no more than {NAME_MAX} bytes")));
        }
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let zoned = json::text(old, "/spec/schedule").contains("TZ");
        let spec = Field::root(object).at("spec");
        let same = spec.at("timeZone").value == &old["spec"]["timeZone"];
        let mut errors = zone(&spec, zoned);
        errors.retain(|error| !same || error.path != spec.at("timeZone").path());
        errors
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let mut told = pod_spec::name_warnings(object, pod_spec::OF_PODS);
        let spec = Field::root(object).at("spec");
        told.extend(pod_spec::warnings(&spec.at("jobTemplate").at("spec").at("template").at("spec")));
        told
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let last = time::at(object, "/status/lastScheduleTime");
        let suspended = match object["spec"]["suspend"].as_bool() {
            Some(true) => "True",
            Some(false) => "False",
            None => cells::UNSET,
        };
        let job = object.pointer("/spec/jobTemplate").unwrap_or(&Value::Null);
        let [containers, images, selector] = cells::template(job);
        vec![
            cells::name(object),
            json::text(object, "/spec/schedule").into(),
            cells::or(json::text(object, "/spec/timeZone"), cells::NONE).into(),
            suspended.into(),
            json::items(object, "/status/active").len().into(),
            last.map_or_else(|| cells::NONE.to_owned(), |last| time::age(Some(last), now)).into(),
            cells::age(object, now),
            containers,
            images,
            selector,
        ]
    }
}

/// Everything wrong with the time zone, which may stand in the schedule only where it `stood` there before.
fn zone(spec: &Field<'_>, stood: bool) -> Errors {
    let (schedule, zone) = (spec.at("schedule"), spec.at("timeZone"));
    let mut errors = Errors::new();
    if schedule.text().contains("TZ") {
        match (stood, zone.is_set()) {
            (true, true) => {
                errors.push(schedule.invalid("cannot use both timeZone field and TZ or CRON_TZ in schedule"));
            }
            (true, false) => {}
            (false, _) => {
                errors.push(schedule.invalid("cannot use TZ or CRON_TZ in schedule, use timeZone field instead"));
            }
        }
    }
    if !zone.is_set() {
        return errors;
    }
    let name = zone.text();
    if name.is_empty() {
        errors.push(zone.invalid("timeZone must be nil or non-empty string"));
        return errors;
    }
    let local = name.eq_ignore_ascii_case("Local");
    if local {
        let why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        errors.push(zone.invalid(why));
    }
    if name != "Local" && !schedule::is_zone(name) {
        errors.push(zone.invalid(format!("unknown time zone {name}")));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, defaulted, told, with};
    use expect_test::expect;

    fn sound() -> Value {
        let pod = json!({"restartPolicy": "OnFailure", "containers": [{"name": "c", "image": "i:1"}]});
        json!({"metadata": {"name": "c", "namespace": "default", "creationTimestamp": "1970-01-01T00:00:00Z"},
            "spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}})
    }

    #[test]
    fn it_gets_what_is_promised() {
        let mut object = defaulted(&CronJob, sound());
        assert_eq!(told(&CronJob.validate(&object)), "");
        let job = object["spec"]["jobTemplate"].take();
        assert_eq!((&job["metadata"], job["spec"].as_object().unwrap().len()), (&json!({}), 1));
        let spec = json!({"schedule": "*/5 * * * *", "concurrencyPolicy": "Allow", "suspend": false,
            "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1, "jobTemplate": null});
        assert_eq!(object["spec"], spec);
    }

    #[test]
    fn what_is_wrong_is_told() {
        check(
            &CronJob,
            &json!({"metadata": {"name": "x".repeat(53)}}),
            &expect![[r#"
            spec.schedule: Required value
            spec.jobTemplate.spec.template.spec.containers: Required value
            spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"
            metadata.name: Invalid value: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": must be no more than 52 bytes"#]],
        );
        let bad = json!({"schedule": "TZ=UTC 61 * * * *", "timeZone": "Mars/North", "startingDeadlineSeconds": -1,
            "concurrencyPolicy": "Queue", "failedJobsHistoryLimit": -1,
            "jobTemplate": {"spec": {"selector": {}, "manualSelector": true, "template": {"spec": {}}}}});
        check(
            &CronJob,
            &with(sound(), "spec", &bad),
            &expect![[r#"
            spec.schedule: Invalid value: "TZ=UTC 61 * * * *": end of range (61) above maximum (59): 61
            spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0
            spec.concurrencyPolicy: Unsupported value: "Queue": supported values: "Allow", "Forbid", "Replace"
            spec.jobTemplate.spec.template.spec.containers: Required value
            spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"
            spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated
            spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"
            spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0
            spec.schedule: Invalid value: "TZ=UTC 61 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead
            spec.timeZone: Invalid value: "Mars/North": unknown time zone Mars/North"#]],
        );
        for (zone, expected) in [
            ("", expect![[r#"spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string"#]]),
            (
                "Local",
                expect![[
                    r#"spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"#
                ]],
            ),
            (
                "europe/berlin",
                expect![[r#"spec.timeZone: Invalid value: "europe/berlin": unknown time zone europe/berlin"#]],
            ),
            ("Europe/Berlin", expect![[r#""#]]),
        ] {
            check(&CronJob, &with(sound(), "spec", &json!({"timeZone": zone})), &expected);
        }
    }

    #[test]
    fn an_old_zone_in_the_schedule_is_borne_with() {
        let zoned =
            |fields: &Value| with(with(sound(), "spec", &json!({"schedule": "TZ=UTC 0 0 * * *"})), "spec", fields);
        assert_eq!(CronJob.validate_update(&zoned(&json!({"suspend": true})), &zoned(&json!({}))), []);
        expect![[r#"spec.schedule: Invalid value: "TZ=UTC 0 0 * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule"#]]
            .assert_eq(&told(&CronJob.validate_update(&zoned(&json!({"timeZone": "UTC"})), &zoned(&json!({})))));
    }

    #[test]
    fn a_row_tells_when() {
        let status = json!({"lastScheduleTime": "1970-01-01T00:01:00Z", "active": [{}, {}]});
        let object = with(defaulted(&CronJob, sound()), "status", &status);
        let row = Value::from(CronJob.cells(&object, Timestamp::from_second(70).unwrap()));
        let expected = json!(["c", "*/5 * * * *", "<none>", "False", 2, "10s", "70s", "c", "i:1", "<none>"]);
        assert_eq!(row, expected);
    }
}
