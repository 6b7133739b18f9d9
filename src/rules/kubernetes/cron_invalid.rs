//! See `rules/kubernetes/kubernetes-cron-invalid.md`.

use super::plain_text;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

/// Which schedules a kind takes.
#[derive(Clone, Copy)]
struct Dialect {
    /// Number of fields.
    fields: usize,
    /// What may stand before the fields to name a time zone.
    zones: &'static [&'static str],
}

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    let standard = Dialect { fields: 5, zones: &[] };
    let dialect = match (object.id.group.as_str(), object.id.kind.as_str()) {
        ("batch", "CronJob") => standard,
        ("argoproj.io", "CronWorkflow") => Dialect { fields: 5, zones: &["TZ=", "CRON_TZ="] },
        ("argoproj.io", "AppProject") => standard,
        ("velero.io", "Schedule") => Dialect { fields: 5, zones: &["TZ=", "CRON_TZ="] },
        // CloudNativePG counts seconds first and reads with version 1 of robfig/cron.
        ("postgresql.cnpg.io", "ScheduledBackup") => Dialect { fields: 6, zones: &["TZ="] },
        _ => return,
    };
    let single = object.root.at(&["spec", "schedule"]).into_iter();
    let several = object.root.at(&["spec", "schedules"]).map(Node::items).unwrap_or_default();
    let windows = object.root.at(&["spec", "syncWindows"]).map(Node::items).unwrap_or_default();
    let of_windows = windows.iter().filter_map(|window| window.get("schedule"));
    for node in single.chain(several).chain(of_windows) {
        let Some(text) = plain_text(node) else { continue };
        let Some(reason) = dialect.refuses(text) else { continue };
        let message = format!("`{text}` is no schedule for {}: {reason}", object.id);
        findings.report(node.span, message).help(match dialect.fields {
            6 => "write six fields: second, minute, hour, day of month, month, day of week",
            _ => "write five fields: minute, hour, day of month, month, day of week",
        });
    }
}

impl Dialect {
    /// Why the schedule can't be read; `None` if it can. Follows the parser of robfig/cron, version 3.
    fn refuses(self, text: &str) -> Option<String> {
        let mut text = text.trim();
        if let Some(rest) = self.zones.iter().find_map(|zone| text.strip_prefix(zone)) {
            text = rest.split_once(' ').map_or("", |(_, fields)| fields.trim());
        } else if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
            return Some("a time zone can't stand in it".to_owned());
        }
        if let Some(word) = text.strip_prefix('@') {
            let known = matches!(word, "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly");
            return (!known && !word.starts_with("every ")).then(|| format!("there is no `@{word}`"));
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        if (fields.len(), self.fields) == (5, 6) {
            return Some(
                "the first of its five fields counts seconds, so it runs at other times than it seems".to_owned(),
            );
        }
        if fields.len() != self.fields {
            return Some(format!("it has {} fields where {} are wanted", fields.len(), self.fields));
        }
        let ranges = [("second", 0, 59), ("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12)];
        let ranges = ranges.into_iter().chain([("day of week", 0, 6)]).skip(6 - self.fields);
        fields.iter().zip(ranges).find_map(|(field, (name, low, high))| {
            let bad = field.split(',').find(|part| !is_valid(part, name, low, high))?;
            Some(format!("`{bad}` is no {name}, which goes from {low} to {high}"))
        })
    }
}

/// One element of a field: `*`, `?`, a number or name, a range, each with an optional step.
fn is_valid(part: &str, name: &str, low: u32, high: u32) -> bool {
    let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
    if step.is_some_and(|step| number(step).is_none_or(|step| step == 0)) {
        return false;
    }
    if matches!(range, "*" | "?") {
        return true;
    }
    let value = |text: &str| number(text).or_else(|| named(text, name)).filter(|value| (low..=high).contains(value));
    match range.split_once('-') {
        Some((from, to)) => matches!((value(from), value(to)), (Some(from), Some(to)) if from <= to),
        None => value(range).is_some(),
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn named(text: &str, field: &str) -> Option<u32> {
    let names: &[&str] = match field {
        "month" => &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        "day of week" => &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
        _ => return None,
    };
    let at = names.iter().position(|name| text.eq_ignore_ascii_case(name))?;
    u32::try_from(at).ok().map(|at| if field == "month" { at + 1 } else { at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_as_the_controllers_do() {
        let job = Dialect { fields: 5, zones: &[] };
        for good in ["*/5 * * * *", "0 3 * * mon-fri", "@daily", "@every 1h30m", "0 0 1,15 jan ?", "5/15 * * * SUN"] {
            assert_eq!(job.refuses(good), None, "{good}");
        }
        for bad in ["", "* * * *", "0 0 0 * * *", "60 * * * *", "0 24 * * *", "0 0 * * 7", "*/0 * * * *", "@often"] {
            assert!(job.refuses(bad).is_some(), "{bad}");
        }
        let backup = Dialect { fields: 6, zones: &["TZ="] };
        assert_eq!(backup.refuses("0 0 3 * * *"), None);
        assert!(backup.refuses("CRON_TZ=Asia/Tokyo 0 3 * * *").is_some());
    }
}
