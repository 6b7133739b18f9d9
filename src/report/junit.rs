//! JUnit XML: each file with findings is a suite, each finding a failed case. A clean run is one passed case.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::Report;
use super::place::Base;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut document = Document::new("presync");
    let mut suites: Vec<TestSuite> = Vec::new();
    for (finding, _) in report.shown() {
        let place = report.place(finding.primary.span, Base::Reader);
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let help = finding.help.as_ref().map_or_else(String::new, |help| format!("\nhelp: {help}"));
        let at = format!("{}:{}:{}", place.path, place.start.line, place.start.column);
        status.set_type(finding.severity.to_string());
        status.set_message(finding.message.as_str());
        status.set_description(format!("{at}: {}{help}", finding.message));
        let mut case =
            TestCase::new(format!("{} at {}:{}", finding.rule, place.start.line, place.start.column), status);
        case.set_classname(place.path.as_str());
        // Findings come sorted by path.
        match suites.last_mut().filter(|suite| suite.name.as_str() == place.path) {
            Some(suite) => _ = suite.add_test_case(case),
            None => {
                let mut suite = TestSuite::new(place.path);
                suite.add_test_case(case);
                suites.push(suite);
            }
        }
    }
    if suites.is_empty() {
        let mut suite = TestSuite::new("presync");
        suite.add_test_case(TestCase::new(report.summary().coverage_in_words(), TestCaseStatus::success()));
        suites.push(suite);
    }
    document.add_test_suites(suites);
    document.serialize(&mut *out).map_err(io::Error::other)
}
