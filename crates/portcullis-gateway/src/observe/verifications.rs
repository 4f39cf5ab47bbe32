//! What authorizers have answered about tokens, and how long that took.

use portcullis::StageStatus;

use super::metric;
use super::render::{Page, seconds};
use crate::plan::Plan;

/// Series by authorizer and reason, both of which are few; reasons that never occurred have none.
pub(super) fn show(page: &mut Page, plan: &Plan) {
    let observed: Vec<_> = plan.verifications().collect();
    let help = "Tokens by what authorizers said of them.";
    page.family(metric::VERIFICATIONS, "counter", help);
    for (authorizer, status) in &observed {
        let refused = status.refused.iter().filter(|(_, count)| *count > 0);
        let refused = refused.map(|(reason, count)| ("refused", reason.code(), *count));
        for (outcome, reason, count) in [("accepted", "", status.accepted)]
            .into_iter()
            .chain(refused)
        {
            let labels = [
                ("authorizer", *authorizer),
                ("outcome", outcome),
                ("reason", reason),
            ];
            page.sample(metric::VERIFICATIONS, &labels, count);
        }
    }
    let help = "How long authorizers took about a token, by whether they remembered it.";
    page.family(metric::VERIFICATION_DURATION, "histogram", help);
    for (authorizer, status) in &observed {
        for stage in &status.stages {
            let labels = [("authorizer", *authorizer), ("stage", stage.stage.name())];
            show_stage(page, &labels, stage);
        }
    }
}

fn show_stage(page: &mut Page, labels: &[(&'static str, &str)], stage: &StageStatus) {
    let ends = StageStatus::bounds().iter();
    let ends = ends.map(|bound| seconds(u64::try_from(bound.as_micros()).unwrap_or(u64::MAX)));
    let sum = seconds(u64::try_from(stage.sum.as_micros()).unwrap_or(u64::MAX));
    let buckets = stage
        .buckets
        .iter()
        .copied()
        .zip(ends.chain(["+Inf".to_owned()]));
    page.buckets(metric::VERIFICATION_DURATION, labels, buckets, &sum);
}
