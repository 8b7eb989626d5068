use super::*;
use crate::drill::fault::Measure;
use crate::drill::trouble::Trouble;

/// How long something that must not come is waited for.
const BRIEFLY: Duration = Duration::from_millis(60);
const LONG: Duration = Duration::from_secs(20);

/// A server that answers every byte with the same, and counts what it got.
struct Echo {
    address: SocketAddr,
    got: Arc<AtomicU64>,
    _echoing: JoinSet<()>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, got) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
        let (mut echoing, counter) = (JoinSet::new(), Arc::clone(&got));
        echoing.spawn(async move {
            let mut peers = JoinSet::new();
            while let Ok((mut peer, _)) = listener.accept().await {
                let counter = Arc::clone(&counter);
                peers.spawn(async move {
                    let mut bytes = [0; 64];
                    while let Ok(count @ 1..) = peer.read(&mut bytes).await {
                        counter.fetch_add(count as u64, Ordering::SeqCst);
                        if peer.write_all(&bytes[..count]).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, got, _echoing: echoing }
    }

    async fn until_got(&self, bytes: u64) {
        let all = async {
            while self.got.load(Ordering::SeqCst) < bytes {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, all).await.expect("it got less");
    }
}

struct Lab {
    echo: Echo,
    wire: Wire,
    peer: TcpStream,
}

impl Lab {
    async fn new() -> Self {
        let echo = Echo::start().await;
        let wire = Wire::to(echo.address, Duration::ZERO).await.unwrap();
        let peer = TcpStream::connect(wire.address).await.unwrap();
        peer.set_nodelay(true).unwrap();
        let mut lab = Self { echo, wire, peer };
        assert_eq!(lab.says(b"hello").await, b"hello");
        lab
    }

    fn change(&self, change: impl FnOnce(&mut Weather)) {
        let mut weather = self.wire.weather();
        change(&mut weather);
        self.wire.set(weather);
    }

    /// Sends something and answers what comes back, as much as was sent, or less where it ends.
    async fn says(&mut self, text: &[u8]) -> Vec<u8> {
        self.peer.write_all(text).await.unwrap();
        let mut answer = Vec::new();
        let mut reading = (&mut self.peer).take(text.len() as u64);
        let _ = tokio::time::timeout(LONG, reading.read_to_end(&mut answer)).await.expect("no answer");
        answer
    }

    async fn hears(&mut self, patience: Duration) -> Option<u8> {
        tokio::time::timeout(patience, self.peer.read_u8()).await.ok()?.ok()
    }
}

#[tokio::test]
async fn silence_keeps_what_was_sent_and_then_lets_it_pass() {
    let mut lab = Lab::new().await;
    let before = lab.wire.weather();
    lab.change(|weather| (weather.there.is_open, weather.back.is_open) = (false, false));
    lab.peer.write_all(b"x").await.unwrap();
    assert_eq!(lab.hears(BRIEFLY).await, None);
    assert_eq!(lab.echo.got.load(Ordering::SeqCst), 5, "it is not there yet");
    lab.wire.set(before);
    assert_eq!(lab.hears(LONG).await, Some(b'x'));
}

#[tokio::test]
async fn one_way_the_question_arrives_and_the_answer_does_not() {
    let mut lab = Lab::new().await;
    lab.change(|weather| weather.back.is_open = false);
    lab.peer.write_all(b"x").await.unwrap();
    lab.echo.until_got(6).await;
    assert_eq!(lab.hears(BRIEFLY).await, None);
}

#[tokio::test]
async fn it_is_cut_and_new_connections_are_good() {
    let mut lab = Lab::new().await;
    lab.wire.cut();
    assert_eq!(lab.peer.read(&mut [0]).await.unwrap(), 0, "read to the end");
    lab.peer = TcpStream::connect(lab.wire.address).await.unwrap();
    assert_eq!(lab.says(b"again").await, b"again");
}

#[tokio::test]
async fn a_reset_is_told_as_such() {
    let mut lab = Lab::new().await;
    lab.wire.reset();
    let told = lab.peer.read(&mut [0]).await.unwrap_err();
    assert_eq!(told.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn latency_and_jitter_and_a_rate_take_their_time() {
    let mut lab = Lab::new().await;
    let watch = crate::host::Stopwatch::start();
    lab.change(|weather| weather.back.latency = Duration::from_millis(50));
    assert_eq!(lab.says(b"slow").await, b"slow");
    assert!(watch.millis() >= 50);
    lab.change(|weather| {
        weather.back.latency = Duration::ZERO;
        weather.there.jitter = Duration::from_millis(20);
    });
    // Ten draws of up to 20 ms are never all next to nothing.
    let watch = crate::host::Stopwatch::start();
    for _ in 0..10 {
        assert_eq!(lab.says(b"j").await, b"j");
    }
    assert!(watch.millis() >= 20, "{} ms", watch.millis());
    lab.change(|weather| {
        weather.there.jitter = Duration::ZERO;
        weather.there.bytes_per_second = 1_000;
    });
    let watch = crate::host::Stopwatch::start();
    assert_eq!(lab.says(&[b'r'; 200]).await, [b'r'; 200]);
    // What passed last is not waited for.
    assert!(watch.millis() >= 100, "{} ms", watch.millis());
}

#[tokio::test]
async fn slices_arrive_whole() {
    let mut lab = Lab::new().await;
    lab.change(|weather| (weather.there.piece_bytes, weather.back.piece_bytes) = (1, 2));
    let text: Vec<u8> = (0..50).collect();
    assert_eq!(lab.says(&text).await, text);
    let way = lab.wire.weather().back;
    assert_eq!((way.piece(50), way.piece(1)), (2, 1));
}

#[tokio::test]
async fn after_fatal_bytes_the_answer_is_lost_and_the_deed_done() {
    let mut lab = Lab::new().await;
    lab.change(|weather| weather.fatal = Some(b"COMMIT\0"));
    assert_eq!(lab.says(b"BEGIN ... READ COMMITTED\0").await, b"BEGIN ... READ COMMITTED\0");
    assert_eq!(lab.says(b"COMM").await, b"COMM");
    let got = lab.echo.got.load(Ordering::SeqCst);
    assert_eq!(lab.says(b"IT\0").await, b"", "no answer passes");
    lab.echo.until_got(got + 3).await;
    assert_eq!(lab.wire.fatalities(), 1);
}

#[test]
fn a_text_is_found_wherever_it_is_torn() {
    let text = b"COMMIT\0";
    for at in 0..text.len() {
        let (first, second) = text.split_at(at);
        let mut tail = Vec::new();
        assert!(!holds(&mut tail, &[b"xx", first].concat(), text));
        assert!(holds(&mut tail, &[second, b"yy"].concat(), text), "torn at {at}");
    }
}

const MEASURE: Measure = Measure {
    lasts: Duration::from_millis(30),
    latency: Duration::from_millis(5),
    bytes: 1_000,
    offset_seconds: 0,
};

#[tokio::test]
async fn after_each_trouble_the_wire_is_as_it_was() {
    for trouble in Trouble::USUAL.into_iter().chain([Trouble::Commit]) {
        let mut lab = Lab::new().await;
        let before = lab.wire.weather();
        trouble.befall(&lab.wire, "it", &MEASURE).await;
        assert_eq!(lab.wire.weather(), before, "{trouble:?}");
        lab.peer = TcpStream::connect(lab.wire.address).await.unwrap();
        assert_eq!(lab.says(b"again").await, b"again", "{trouble:?}");
    }
}

#[tokio::test]
async fn what_was_lost_never_comes() {
    for (trouble, arrives) in [(Trouble::Hole, 0), (Trouble::OneWay, 1)] {
        let mut lab = Lab::new().await;
        lab.peer.write_all(b"xy").await.unwrap();
        let mut both = [0; 2];
        lab.peer.read_exact(&mut both).await.unwrap();
        let sending = async {
            // Once the trouble is there.
            while lab.wire.weather().back.is_open {
                tokio::task::yield_now().await;
            }
            lab.peer.write_all(b"z").await.unwrap();
        };
        let long = Measure { lasts: Duration::from_millis(200), ..MEASURE };
        let befalls = trouble.befall(&lab.wire, "it", &long);
        tokio::join!(befalls, sending);
        assert_eq!(lab.hears(LONG).await, None, "{trouble:?}: the connection is cut");
        assert_eq!(lab.echo.got.load(Ordering::SeqCst), 7 + arrives, "{trouble:?}");
    }
}

#[tokio::test]
async fn troubles_of_one_wire_come_one_after_the_other() {
    let lab = Lab::new().await;
    let before = lab.wire.weather();
    let watch = crate::host::Stopwatch::start();
    tokio::join!(
        Trouble::Silent.befall(&lab.wire, "it", &MEASURE),
        Trouble::Slow.befall(&lab.wire, "it", &MEASURE)
    );
    assert!(watch.millis() >= 60);
    assert_eq!(lab.wire.weather(), before);
}
