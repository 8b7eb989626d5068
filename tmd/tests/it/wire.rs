//! Requests byte for byte as they are written here, and what came back: nothing is normalised on the way.

use http::HeaderMap;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::PATIENCE;

/// A request. Sent on a connection of its own.
#[derive(Clone)]
pub struct Ask {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An answer. That of a stream has no body but the connection it goes on with.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub stream: Option<TcpStream>,
}

impl Ask {
    /// `route` is a method, a blank and a target: `GET /api/events`.
    pub fn new(route: &str) -> Self {
        let (method, path) = route.split_once(' ').unwrap();
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Puts a query, with its question mark, behind the target.
    pub fn query(mut self, query: &str) -> Self {
        self.path += query;
        self
    }

    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With a body and its media type.
    pub fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("content-type", "application/json").bytes(body)
    }

    pub fn target(&self) -> &str {
        &self.path
    }

    pub async fn send(&self, url: &str) -> Answer {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: it\r\nconnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        if !self.body.is_empty() {
            head.extend(["content-length: ", &self.body.len().to_string(), "\r\n"]);
        }
        head += "\r\n";
        Answer::read(connect(url, &[head.as_bytes(), &self.body].concat()).await).await
    }
}

/// A connection to the daemon on which `bytes` were sent, as far as it took them.
pub async fn connect(url: &str, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    // A daemon that has read enough closes while there is still something to send.
    let _ = stream.write_all(bytes).await;
    stream
}

/// Everything the daemon says until it closes the connection.
pub async fn exchange(url: &str, bytes: &[u8]) -> String {
    let mut stream = connect(url, bytes).await;
    let mut said = Vec::new();
    let reading = async { while stream.read_buf(&mut said).await.is_ok_and(|count| count > 0) {} };
    tokio::time::timeout(PATIENCE, reading).await.expect("the daemon keeps the connection open");
    String::from_utf8_lossy(&said).into_owned()
}

impl Answer {
    /// A whole answer, as it came.
    pub fn of(said: &str) -> Self {
        let (head, body) = said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {said}"));
        let (status, headers) = read_head(head);
        Self { status, headers, body: body.into(), stream: None }
    }

    async fn read(mut stream: TcpStream) -> Self {
        let mut said = Vec::new();
        let mut length = None;
        tokio::time::timeout(PATIENCE, async {
            while length.is_none() {
                length = said.windows(4).position(|four| four == b"\r\n\r\n");
                if length.is_none() && stream.read_buf(&mut said).await.unwrap_or(0) == 0 {
                    break;
                }
            }
        })
        .await
        .expect("an answer's head");
        let length = length.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&said)));
        let body = said.split_off(length + 4);
        let (status, headers) = read_head(std::str::from_utf8(&said).unwrap());
        let mut answer = Self { status, headers, body, stream: None };
        if answer.is_stream() {
            answer.stream = Some(stream);
            return answer;
        }
        let reading = async { while stream.read_buf(&mut answer.body).await.is_ok_and(|count| count > 0) {} };
        tokio::time::timeout(PATIENCE, reading).await.expect("an answer's end");
        answer
    }

    pub fn is_stream(&self) -> bool {
        self.header("content-type").starts_with("text/event-stream")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A field of the answer's body.
    pub fn field(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", self.text())).to_owned()
    }

    /// Status and code. The code of a success is empty; a refusal has to be a whole problem.
    pub fn said(&self) -> (u16, String) {
        if self.status < 400 {
            (self.status, String::new())
        } else {
            (self.status, self.problem()["code"].as_str().unwrap().to_owned())
        }
    }

    /// The problem of a refusal, after checking that it is one in every part (RFC 9457).
    pub fn problem(&self) -> Value {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{} {}",
            self.status,
            self.text()
        );
        let problem = self.json();
        for text in ["type", "title", "detail", "code", "requestId"] {
            assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{text}: {problem}");
        }
        assert_eq!(problem["status"], self.status, "{problem}");
        assert_eq!(problem["requestId"], self.header("x-request-id"), "{problem}");
        assert!(problem["retryable"].is_boolean(), "{problem}");
        if matches!(self.status, 429 | 503) {
            assert!(self.header("retry-after").parse::<u32>().unwrap() >= 1, "{problem}");
            assert_eq!(problem["retryable"], true, "{problem}");
        }
        problem
    }

    /// What of a refusal may differ from that of another request is left out.
    pub fn without_request_id(&self) -> Value {
        let mut problem = self.problem();
        problem.as_object_mut().unwrap().remove("requestId");
        problem
    }

    /// Reads on in a stream until it holds the text.
    pub async fn until(&mut self, wanted: &str) {
        let stream = self.stream.as_mut().expect("a stream");
        tokio::time::timeout(PATIENCE, async {
            while !String::from_utf8_lossy(&self.body).contains(wanted) {
                assert!(stream.read_buf(&mut self.body).await.unwrap() > 0, "ended without {wanted}");
            }
        })
        .await
        .unwrap_or_else(|_| panic!("no {wanted} in {}", String::from_utf8_lossy(&self.body)));
    }
}

fn read_head(head: &str) -> (u16, HeaderMap) {
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let fields = lines.filter_map(|line| line.split_once(": "));
    let headers = fields
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect::<Vec<(http::HeaderName, http::HeaderValue)>>();
    (status, headers.into_iter().collect())
}
