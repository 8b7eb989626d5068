//! Refusals as any server may send them: the client reads what they say, no more, and waits as long as they ask.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;
use tmapi::client::ClientError;
use tmapi::{Problem, ProblemCode};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    status: u16,
    retry_after: Option<&'a [u8]>,
    date: Option<&'a [u8]>,
    body: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let Ok(status) = StatusCode::from_u16(400 + input.status % 200) else { return };
    let mut headers = HeaderMap::new();
    for (name, value) in [(RETRY_AFTER, input.retry_after), (DATE, input.date)] {
        let value = value.and_then(|value| HeaderValue::from_bytes(value).ok());
        headers.extend(value.map(|value| (name, value)));
    }
    let error = ClientError::from_answer(status, &headers, input.body);
    let asked = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::trim);
    let seconds = asked.and_then(|text| text.parse().ok()).map(Duration::from_secs);
    match (seconds, asked) {
        (Some(_), _) => assert_eq!(error.retry_after(), seconds),
        (None, None) => assert_eq!(error.retry_after(), None),
        // A date without the answer's own is measured against nothing.
        (None, Some(_)) => assert!(error.retry_after().is_none() || headers.contains_key(DATE)),
    }
    match &error {
        ClientError::Problem(problem, _) => read(problem, &error),
        ClientError::Unexpected { status: told, excerpt, .. } => {
            assert_eq!(*told, status);
            assert!(!excerpt.is_empty() && excerpt.len() <= 3 * 200 && !excerpt.contains('\n'));
        }
        other => panic!("{other:?}"),
    }
    let _ = (error.to_string(), error.is_inconclusive());
});

fn read(problem: &Problem, error: &ClientError) {
    let written = serde_json::to_vec(problem).unwrap();
    assert_eq!(&serde_json::from_slice::<Problem>(&written).unwrap(), problem);
    assert_eq!((error.code(), error.status()), (Some(problem.code), Some(problem.status)));
    assert!(problem.code == ProblemCode::Unknown || ProblemCode::ALL.contains(&problem.code));
    assert_eq!(error.to_string(), problem.detail);
}
