//! The sandbox provider's test tokens: which card does what.

/// One test token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestToken {
    /// What to pay with.
    pub token: &'static str,
    /// What happens then.
    pub effect: &'static str,
}

/// Every test token. Any other token that begins with `tok_ok` behaves as `tok_ok`; the rest is declined as an unknown
/// token.
pub const TEST_TOKENS: &[TestToken] = &[
    is("tok_ok", "Everything works."),
    is("tok_declined", "The card is declined."),
    is("tok_insufficient_funds", "The card is declined: insufficient funds."),
    is("tok_slow", "The authorization takes effect and is answered after 2 s."),
    is("tok_lost_answer", "The authorization takes effect, its answer is lost."),
    is("tok_timeout", "The authorization has no effect and no answer, however often it is asked for."),
    is("tok_duplicate", "Authorization and capture act once, are recorded twice and told twice."),
    is("tok_garbage", "The authorization takes effect, its answer is an HTML page."),
    is("tok_wrong_amount", "The authorization takes effect, its answer names another amount."),
    is("tok_capture_lost", "The capture takes effect, its answer is lost."),
    is("tok_capture_declined", "The capture is declined."),
    is("tok_lapsed", "The authorization lapses at once: the capture is declined."),
    is("tok_void_fails", "The void fails twice with status 503, then works."),
    is("tok_refund_fails", "The refund fails twice with status 503, then works."),
    is(
        "tok_callback_late",
        "The callback of the authorization comes 3 s late, after those of what followed.",
    ),
];

const fn is(token: &'static str, effect: &'static str) -> TestToken {
    TestToken { token, effect }
}
