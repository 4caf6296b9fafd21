//! Figures in the text form of Prometheus.

use runtime::contract::Usage;
use seam::Timestamp;

use super::board::Measured;

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// It only grows.
    Counter,
    /// It is what it is.
    Gauge,
}

/// A figure that follows from what something uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) sort: Sort,
    pub(super) help: &'static str,
    pub(super) of: fn(&Usage) -> f64,
}

/// Names and texts that tell values of a figure apart.
pub(super) type Labels<'a> = Vec<(&'static str, &'a str)>;

/// A text that grows.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// A figure of each of those things.
    pub(super) fn figure<'a>(&mut self, figure: &Figure, of: impl Iterator<Item = (Labels<'a>, &'a Measured)>) {
        self.family(figure.name, figure.sort, figure.help);
        for (labels, measured) in of {
            self.value(figure.name, &labels, (figure.of)(&measured.usage), Some(measured.time));
        }
    }

    /// Begins a figure. What follows are its values.
    pub(super) fn family(&mut self, name: &str, sort: Sort, help: &str) {
        let sort = match sort {
            Sort::Counter => "counter",
            Sort::Gauge => "gauge",
        };
        self.add(format_args!("# HELP {name} {help}\n# TYPE {name} {sort}\n"));
    }

    /// A value of a figure, with the time at which it was measured.
    pub(super) fn value(&mut self, name: &str, labels: &[(&str, &str)], value: f64, time: Option<Timestamp>) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.add(format_args!("{}{label}=\"{}\"", if at == 0 { '{' } else { ',' }, escape(text)));
        }
        self.add(format_args!("{} {value}", if labels.is_empty() { "" } else { "}" }));
        if let Some(time) = time {
            self.add(format_args!(" {}", time.as_millisecond()));
        }
        self.0.push('\n');
    }

    /// The text.
    pub(super) fn text(self) -> String {
        self.0
    }

    fn add(&mut self, arguments: std::fmt::Arguments<'_>) {
        self.0.push_str(&arguments.to_string());
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A count or an amount; every figure of Prometheus is a double.
#[allow(clippy::cast_precision_loss, reason = "only amounts beyond 9 petabytes lose digits")]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}

/// Nanoseconds as seconds.
pub(super) fn seconds(nanos: u64) -> f64 {
    count(nanos) / 1e9
}

/// A moment as seconds since 1970.
pub(super) fn since_1970(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_values_written_whole() {
        let mut out = Exposition::default();
        out.family("some_total", Sort::Counter, "Some.");
        out.value("some_total", &[("a", "x\"\\\n"), ("b", "y")], 1.5, Timestamp::from_millisecond(1234).ok());
        out.value("some_total", &[], count(123_456_789_012), None);
        let text = "# HELP some_total Some.\n# TYPE some_total counter\nsome_total{a=\"x\\\"\\\\\\n\",b=\"y\"} 1.5 1234\n\
                    some_total 123456789012\n";
        assert_eq!(out.text(), text);
    }
}
