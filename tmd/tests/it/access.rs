//! Who may do what: every route, asked by everybody.

use std::fmt::Write as _;
use std::path::Path;

use tmcore::Timestamp;

use crate::scene::{Caller, ROUTES, Route, Scene, at, token, token_at};
use crate::wire::Ask;

/// What anonymous, another buyer, an expired token, one of which a bit is changed, and the organiser are answered.
type Statuses = [u16; 5];

const ANYBODY: Statuses = [200; 5];
/// Needs a buyer, and is somebody else's.
const OWNED: Statuses = [401, 404, 401, 401, 403];
/// Only the organiser's token is good for it.
const RUNS_THE_SALE: Statuses = [401, 403, 401, 401, 200];

/// The rows that their caller alone does not tell.
const EXCEPTIONS: &[(&str, Statuses)] = &[
    ("POST /api/waiting-room/sessions", [201, 201, 401, 401, 403]),
    ("GET /api/sse/waiting-room/sessions/{sessionId}", [200, 404, 401, 401, 403]),
    ("POST /api/orders", [201, 201, 401, 401, 403]),
    // Two bookings of one seat: the second comes too late.
    ("POST /api/bookings/{eventId}", [200, 409, 401, 401, 403]),
    // The order is not paid.
    ("POST /api/orders/{orderId}:refund", [401, 403, 401, 401, 409]),
    // Whose history is asked for stands in the query.
    ("GET /api/history", [401, 403, 401, 401, 400]),
    ("POST /api/events", [401, 403, 401, 401, 201]),
];

fn expected(route: &Route) -> Statuses {
    let exception = EXCEPTIONS.iter().find(|(name, _)| *name == route.0).map(|(_, statuses)| *statuses);
    exception.unwrap_or(match route.1 {
        Caller::Public | Caller::Anybody => ANYBODY,
        Caller::Buyer => OWNED,
        Caller::Organiser => RUNS_THE_SALE,
        Caller::Provider => [401; 5],
    })
}

/// The matrix of the documentation, as it has to be.
fn matrix() -> String {
    let mut text =
        "| route | anonymous | other buyer | expired | edited | organiser |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for route in ROUTES {
        let statuses: Vec<_> = expected(route).iter().map(ToString::to_string).collect();
        writeln!(text, "| `{}` | {} |", route.0, statuses.join(" | ")).unwrap();
    }
    text
}

#[test]
#[allow(clippy::disallowed_methods, reason = "asks the developer, not the configuration")]
fn the_matrix_stands_in_the_documentation() {
    const MARKS: [&str; 2] = ["<!-- who may do what: begin -->\n", "<!-- who may do what: end -->"];
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(MARKS[0]).unwrap();
    let (found, after) = rest.split_once(MARKS[1]).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file, [before, MARKS[0], &matrix(), MARKS[1], after].concat()).unwrap();
    } else {
        assert!(found == matrix(), "docs/security.md differs; UPDATE_DOCS=1 writes it:\n{}", matrix());
    }
}

/// One bit of the signature changed, in the middle of the token.
fn edited(token: &str) -> String {
    let mut bytes = token.as_bytes().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    String::from_utf8(bytes).unwrap()
}

/// The request of a route without a credential.
fn bare(route: &Route, scene: &Scene) -> Ask {
    let ask = route.at(scene.id(route));
    route.body().filter(|body| !body.is_empty()).map_or_else(|| ask.clone(), |body| ask.clone().json(body))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_everybody_as_the_table_says() {
    let scene = Scene::set().await;
    let expired = token_at(&scene.daemon, 1, Timestamp::from_millis(1_000_000));
    let edited = edited(&scene.owner);
    let callers = [None, Some(&scene.other), Some(&expired), Some(&edited), Some(&scene.organiser)];
    let mut wrong = Vec::new();
    for route in ROUTES {
        for ((name, token), status) in
            ["anonymous", "other", "expired", "edited", "organiser"].iter().zip(callers).zip(expected(route))
        {
            let ask = bare(route, &scene);
            let ask = token.map_or_else(|| ask.clone(), |token| ask.clone().token(token));
            let answer = scene.ask(ask).await;
            let (found, code) = answer.said();
            let code_fits = match found {
                401 => code == "unauthenticated",
                403 => code == "forbidden",
                404 => code == "not-found",
                _ => true,
            };
            if found != status || !code_fits {
                wrong.push(format!("{} {name}: {found} {code}, expected {status}", route.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somebody_elses_looks_like_what_is_not_there() {
    let scene = Scene::set().await;
    let unknown = |prefix: &str| format!("{prefix}_01h455vb4pex5vsknk084sn02q");
    for route in ROUTES
        .iter()
        .filter(|route| route.1 == Caller::Buyer || route.1 == Caller::Anybody)
        .filter(|route| ["{sessionId}", "{orderId}", "{ticketId}"].iter().any(|id| route.0.contains(id)))
    {
        let own = scene.id(route).to_owned();
        let prefix = own.split_once('_').unwrap().0;
        let ask = |id: &str| {
            let ask = route.at(id).token(&scene.other);
            route
                .body()
                .filter(|body| !body.is_empty())
                .map_or_else(|| ask.clone(), |body| ask.clone().json(body))
        };
        let theirs = scene.ask(ask(&own)).await;
        let nobodys = scene.ask(ask(&unknown(prefix))).await;
        assert_eq!(theirs.said(), (404, "not-found".to_owned()), "{}", route.0);
        assert_eq!(theirs.without_request_id(), nobodys.without_request_id(), "{}", route.0);
        let fields = |answer: &crate::wire::Answer| {
            let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(fields(&theirs), fields(&nobodys), "{}", route.0);
    }
    // Nothing that was asked had an effect.
    let order = scene.ask(at("GET /api/orders/{orderId}", &scene.order).token(&scene.owner)).await;
    assert_eq!(order.field("status"), "PENDING");
    let session =
        scene.ask(at("GET /api/waiting-room/sessions/{sessionId}", &scene.session).token(&scene.owner)).await;
    assert_ne!(session.field("status"), "LEFT");
}

/// A stranger who knows a session's id cannot use up its owner's looks.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_own_a_session_does_not_use_up_its_polls() {
    let scene = Scene::set().await;
    let poll = |token: &str| {
        scene.ask(at("GET /api/waiting-room/sessions/{sessionId}", &scene.session).token(token))
    };
    for _ in 0..60 {
        assert_eq!(poll(&scene.other).await.status, 404);
    }
    assert_eq!(poll(&scene.owner).await.status, 200);
}

/// W10: being let in for one event opens no other.
#[tokio::test(flavor = "multi_thread")]
async fn the_admission_to_one_event_is_none_to_another() {
    let scene = Scene::set().await;
    scene
        .daemon
        .event("E3", 1, 4, tmapi::event::EventPatch { capacity: Some(0), ..Default::default() })
        .await;
    let buyer = token(&scene.daemon, 3);
    let join = |event: &str| {
        scene.ask(
            at("POST /api/waiting-room/sessions", "")
                .json(format!("{{\"eventId\":\"{event}\"}}"))
                .token(&buyer),
        )
    };
    let here = join("E1").await.field("sessionId");
    let there = join("E3").await.field("sessionId");
    let mut stream =
        scene.ask(at("GET /api/sse/waiting-room/sessions/{sessionId}", &here).token(&buyer)).await;
    stream.until("waiting-room-active").await;
    for session in [&here, &there] {
        let body = format!("{{\"eventId\":\"E3\",\"sessionId\":\"{session}\"}}");
        let refused = scene.ask(at("POST /api/orders", "").json(body).token(&buyer)).await;
        assert_eq!(refused.said(), (403, "not-admitted".to_owned()));
    }
    // Nor does an admission that is not named, nor somebody else's.
    let body = format!("{{\"eventId\":\"E1\",\"sessionId\":\"{there}\"}}");
    let refused = scene.ask(at("POST /api/orders", "").json(body).token(&buyer)).await;
    assert_eq!(refused.said(), (403, "not-admitted".to_owned()));
    let body = format!("{{\"eventId\":\"E1\",\"sessionId\":\"{here}\"}}");
    let refused = scene.ask(at("POST /api/orders", "").json(body).token(&scene.other)).await;
    assert_eq!(refused.said(), (403, "not-admitted".to_owned()));
}

/// Every bit of a token counts, and so does the way it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_token_as_it_was_issued_is_good() {
    let scene = Scene::set().await;
    let look = |value: String| {
        scene.ask(at("GET /api/orders/{orderId}", &scene.order).header("authorization", &value))
    };
    assert_eq!(look(format!("bearer {}", scene.owner)).await.status, 200);
    let mut bad = vec![
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        scene.owner.clone(),
        format!("Basic {}", scene.owner),
        format!("Bearer {}x", scene.owner),
        format!("Bearer {}.e30", scene.owner),
        format!("Bearer {}", &scene.owner[..scene.owner.len() - 1]),
        format!("Bearer {}", scene.organiser.to_uppercase()),
        format!("Bearer {}", "x".repeat(10_000)),
    ];
    let last = *scene.owner.as_bytes().last().unwrap();
    for bit in 0..7 {
        let changed = char::from(last ^ (1 << bit));
        if changed.is_ascii_alphanumeric() || matches!(changed, '-' | '_') {
            bad.push(format!("Bearer {}{changed}", &scene.owner[..scene.owner.len() - 1]));
        }
    }
    let twice = at("GET /api/orders/{orderId}", &scene.order).token(&scene.owner).token(&scene.other);
    assert_eq!(scene.ask(twice).await.said(), (401, "unauthenticated".to_owned()));
    for value in bad {
        assert_eq!(look(value.clone()).await.said(), (401, "unauthenticated".to_owned()), "{value}");
    }
}
