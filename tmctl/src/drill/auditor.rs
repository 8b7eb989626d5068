//! Who verifies the office's rows while it sells, as `tmctl verify` does.

use std::collections::BTreeMap;
use std::time::Duration;

use tmapi::client::{Client, ClientError};
use tmcore::verify::{Report, Rule};
use tokio::time::sleep;

use super::Shop;

/// Between the end of one look and the beginning of the next: at least this, and so many times what the look took.
const PAUSE: Duration = Duration::from_millis(500);
const TIMES: u32 = 9;

/// Looks again and again until everything is at rest. Answers what was found of each rule, and when.
pub async fn audit(shop: &Shop, organiser: &Client) -> BTreeMap<Rule, Vec<String>> {
    let mut found: BTreeMap<Rule, Vec<String>> = BTreeMap::new();
    loop {
        let began = shop.watch.millis();
        let Some(looked) = shop.until_rest(look(organiser)).await else { return found };
        let millis = shop.watch.millis();
        // The daemon may be away: then there is nothing to be seen.
        for (rule, finding) in looked.map(|report| report.findings).unwrap_or_default() {
            // The provider may be away: what it was asked is open as long as that.
            if rule != Rule::NothingIsStuck {
                let said = finding
                    .first
                    .into_iter()
                    .map(|one| format!("at {millis} ms {}: {}", one.about, one.said));
                found.entry(rule).or_default().extend(said);
            }
        }
        let pause = PAUSE.max(Duration::from_millis(millis - began) * TIMES);
        if shop.until_rest(sleep(pause)).await.is_none() {
            return found;
        }
    }
}

async fn look(organiser: &Client) -> Result<Report, ClientError> {
    let (mut report, mut cursor) = (Report::default(), None);
    loop {
        let page = organiser.verify(cursor.as_deref()).await?;
        report.merge(page.report);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(report);
        }
    }
}
