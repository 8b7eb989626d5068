use axum::extract::State as Given;
use axum::routing::post;
use tmcore::Timestamp;

use super::*;

const SECRET: [u8; 32] = [1; 32];
const PATH: &str = "/api/provider/callbacks";
const NOW: i64 = 1_800_000_000;

/// A daemon that writes down what it took: the id, the amount, and whether the provider signed it.
#[derive(Default)]
struct Daemon {
    heard: Mutex<Vec<(String, i64, bool)>>,
    /// Takes whatever it is told.
    is_credulous: bool,
    /// How often it is still away.
    absences: Mutex<u32>,
}

impl Daemon {
    fn take(&self, headers: &HeaderMap, body: &[u8]) -> StatusCode {
        let mut absences = self.absences.lock().unwrap();
        if *absences > 0 {
            *absences -= 1;
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        let [id, timestamp, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"]
            .map(|name| headers[name].to_str().unwrap());
        let secret = WebhookSecret::from_bytes(&SECRET);
        let now = Timestamp::from_millis(NOW * 1000);
        let is_signed = secret.verify(MessageHead { id, timestamp }, signature, body, now).is_ok();
        let told: serde_json::Value = serde_json::from_slice(body).unwrap();
        let amount = told["data"]["amount"]["amount"].as_i64().unwrap();
        self.heard.lock().unwrap().push((id.to_owned(), amount, is_signed));
        if is_signed || self.is_credulous { StatusCode::ACCEPTED } else { StatusCode::UNAUTHORIZED }
    }

    fn heard(&self) -> Vec<(String, i64, bool)> {
        self.heard.lock().unwrap().clone()
    }
}

struct Lab {
    daemon: Arc<Daemon>,
    messenger: Messenger,
    provider: Client,
    _folder: tempfile::TempDir,
    _serving: JoinSet<()>,
}

impl Lab {
    async fn new(daemon: Daemon) -> Self {
        let daemon = Arc::new(daemon);
        let take = async |Given(daemon): Given<Arc<Daemon>>, headers: HeaderMap, body: Bytes| {
            daemon.take(&headers, &body)
        };
        let router = axum::Router::new().route(PATH, post(take)).with_state(Arc::clone(&daemon));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let folder = tempfile::TempDir::new().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, WebhookSecret::from_bytes(&SECRET).expose()).unwrap();
        let messenger = Messenger::to(&url, secret).await.unwrap();
        let options = ClientOptions { max_retries: 0, ..ClientOptions::default() };
        let provider = Client::new(&messenger.url(), options).unwrap();
        Self { daemon, messenger, provider, _folder: folder, _serving: serving }
    }

    /// The provider tells of an amount.
    async fn tell(&self, id: &str, amount: i64) -> StatusCode {
        let body = serde_json::json!({"data": {"amount": {"amount": amount, "currency": "EUR"}}}).to_string();
        let timestamp = NOW.to_string();
        let head = MessageHead { id, timestamp: &timestamp };
        let signature = WebhookSecret::from_bytes(&SECRET).sign(head, body.as_bytes());
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("webhook-id", id), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)]
        {
            headers.insert(name, value.parse().unwrap());
        }
        self.provider.raw(Method::POST, PATH, headers, body).await.unwrap().0
    }

    /// Three messages in a manner; what was heard before its end, and all in all.
    async fn carried(&self, manner: Manner) -> (usize, Vec<String>) {
        let mut before = 0;
        let until = async {
            for (id, amount) in [("a", 1), ("b", 2), ("c", 3)] {
                assert_eq!(self.tell(id, amount).await, StatusCode::ACCEPTED);
            }
            before = self.daemon.heard().len();
        };
        assert_eq!(self.messenger.carry(manner, until).await, 3);
        (before, self.daemon.heard().into_iter().map(|(id, ..)| id).collect())
    }
}

#[tokio::test]
async fn as_told_or_twice_or_late_or_backwards() {
    for (manner, before, heard) in [
        (Manner::Faithful, 3, "a b c"),
        (Manner::Twice, 3, "a b c a b c"),
        (Manner::Late, 0, "a b c"),
        (Manner::Backwards, 0, "c b a"),
    ] {
        let lab = Lab::new(Daemon::default()).await;
        let heard = heard.split(' ').map(str::to_owned).collect();
        assert_eq!(lab.carried(manner).await, (before, heard), "{manner:?}");
        assert!(lab.daemon.heard().iter().all(|(_, _, is_signed)| *is_signed));
        // Afterwards all is as it was.
        lab.tell("d", 4).await;
        assert_eq!(lab.daemon.heard().last().unwrap(), &("d".to_owned(), 4, true));
    }
}

#[tokio::test]
async fn a_lie_comes_before_the_truth_signed_by_the_provider_or_by_somebody_else() {
    for (manner, is_signed) in [(Manner::WrongAmount, true), (Manner::Forged, false)] {
        let lab = Lab::new(Daemon::default()).await;
        lab.carried(manner).await;
        let heard = lab.daemon.heard();
        assert_eq!(heard.len(), 6);
        for pair in heard.chunks(2) {
            let [(lie, more, signed), (truth, amount, true)] = pair else { panic!("{pair:?}") };
            assert!(lie.starts_with(&format!("{truth}_")), "{lie}");
            assert_eq!((*more, *signed), (amount + 100, is_signed), "a lie is another amount");
        }
        assert!(lab.messenger.believed().is_empty());
    }
}

#[tokio::test]
async fn who_believes_a_forgery_is_found_out() {
    let lab = Lab::new(Daemon { is_credulous: true, ..Daemon::default() }).await;
    lab.carried(Manner::Forged).await;
    assert_eq!(lab.messenger.believed(), ["a_forged", "b_forged", "c_forged"]);
}

#[tokio::test]
async fn what_was_held_back_is_offered_until_it_is_taken() {
    let lab = Lab::new(Daemon { absences: Mutex::new(3), ..Daemon::default() }).await;
    let (before, heard) = lab.carried(Manner::Late).await;
    assert_eq!((before, heard), (0, ["a", "b", "c"].map(str::to_owned).into()));
}

#[tokio::test]
async fn the_daemons_answer_is_the_providers() {
    let lab = Lab::new(Daemon { absences: Mutex::new(1), ..Daemon::default() }).await;
    assert_eq!(lab.tell("a", 1).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(lab.tell("a", 1).await, StatusCode::ACCEPTED);
}
