//! Redis is emptied, silent and gone while a crowd is let in.

use std::time::Duration;

use crate::crowd::{Crowd, let_in_during};
use crate::office::{Office, Way};

async fn without_redis(crowd: Crowd, silence: Duration) {
    let Some(mut office) = Office::open(2, Way::Direct).await else { return };
    let_in_during(&mut office, crowd, async |office, _| {
        let redis = &mut office.redis;
        tokio::time::sleep(Duration::from_secs(1)).await;
        redis.flush();
        tokio::time::sleep(Duration::from_secs(1)).await;
        redis.kill();
        redis.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        redis.pause();
        tokio::time::sleep(silence).await;
        redis.go_on();
        tokio::time::sleep(Duration::from_secs(1)).await;
        redis.kill();
        tokio::time::sleep(Duration::from_secs(5)).await;
        redis.restart();
    })
    .await;
}

/// W5: flushed, back with nothing, silent for longer than any time-out, and gone: nobody loses a place or is let in twice,
/// and grants go on within 5 s all the while.
#[tokio::test(flavor = "multi_thread")]
async fn w5_a_crowd_is_let_in_whatever_becomes_of_redis() {
    let crowd = Crowd { members: 300, capacity: 20, stay_millis: 1_500 };
    without_redis(crowd, Duration::from_secs(6)).await;
}

/// The same with a longer silence.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute and a half: ./test.sh --long"]
async fn w5_a_redis_that_is_silent_for_30_seconds_holds_nobody_up() {
    let crowd = Crowd { members: 700, capacity: 20, stay_millis: 1_500 };
    without_redis(crowd, Duration::from_secs(30)).await;
}
