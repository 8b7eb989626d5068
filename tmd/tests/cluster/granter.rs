//! Daemons that let in, and are killed or stopped in the middle of it.

use std::time::Duration;

use crate::crowd::{Crowd, Up, let_in_during};
use crate::office::{Office, Way};

/// SIGKILL for one daemon and a start soon after, then SIGSTOP for another while it has a gate's row locked.
async fn trouble(office: &mut Office, up: Up, pause: Duration) {
    let last = office.daemons.len() - 1;
    tokio::time::sleep(Duration::from_secs(1)).await;
    up.set(last, false);
    office.daemons[last].kill();
    tokio::time::sleep(Duration::from_secs(1)).await;
    office.daemons[last].restart().await;
    up.set(last, true);
    up.set(0, false);
    office.daemons[0].stop_at_the_gate(&office.database).await;
    tokio::time::sleep(pause).await;
    office.daemons[0].go_on();
    up.set(0, true);
}

async fn granters(daemons: usize, crowd: Crowd, pause: Duration) {
    let Some(mut office) = Office::open(daemons, Way::Direct).await else { return };
    let_in_during(&mut office, crowd, async |office, up| trouble(office, up, pause).await).await;
}

/// W1, W2, W6: of three daemons one is killed and one stops with the gate in its hand. Never more are inside than fit,
/// everybody is let in once and in order, and somebody else lets in within 5 s.
#[tokio::test(flavor = "multi_thread")]
async fn w1_w6_granters_that_are_killed_and_stopped_hold_nobody_up() {
    let crowd = Crowd { members: 350, capacity: 20, stay_millis: 1_500 };
    granters(3, crowd, Duration::from_secs(12)).await;
}

/// The same with two daemons, and for so long that every lease and time-out is over.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes two minutes: ./test.sh --long"]
async fn w1_w6_a_granter_stopped_for_45_seconds_changes_nothing_when_it_goes_on() {
    let crowd = Crowd { members: 900, capacity: 20, stay_millis: 1_500 };
    granters(2, crowd, Duration::from_secs(45)).await;
}
