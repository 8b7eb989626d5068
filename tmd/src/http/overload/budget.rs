//! What one client address may ask for, all its users together.

use std::net::IpAddr;

use governor::Quota;
use metrics::Counter;
use tmcore::shedding::Priority;

use crate::config::{Networks, OverloadConfig};
use crate::http::accept::client;
use crate::http::limit::{Budget, Exhausted, Spent, some};

/// A budget fills up within this many seconds.
const WINDOW_SECONDS: u32 = 10;

/// One budget a kind of request.
pub(super) struct AddressBudgets {
    reads: Kind,
    polls: Kind,
    joins: Kind,
    orders: Kind,
    unlimited: Networks,
}

struct Kind {
    budget: Budget<IpAddr>,
    refused: Counter,
}

impl Kind {
    fn new(name: &'static str, per_second: u32) -> Self {
        let most = some(per_second.saturating_mul(WINDOW_SECONDS));
        let quota = Quota::per_second(some(per_second)).allow_burst(most);
        let refused = metrics::counter!("http_requests_over_budget_total", "budget" => name);
        Self { budget: Budget::new(name, quota), refused }
    }
}

impl AddressBudgets {
    pub(super) fn new(config: &OverloadConfig) -> Self {
        Self {
            reads: Kind::new("address-reads", config.address_reads_per_second),
            polls: Kind::new("address-polls", config.address_polls_per_second),
            joins: Kind::new("address-joins", config.address_joins_per_second),
            orders: Kind::new("address-orders", config.address_orders_per_second),
            unlimited: config.unlimited_networks.clone(),
        }
    }

    /// Takes one of the budget of the address; nothing where there is none to take from.
    pub(super) fn spend(&self, peer: Option<IpAddr>, class: Priority) -> Result<Option<Spent>, Exhausted> {
        let kind = match class {
            Priority::Search | Priority::Browse => &self.reads,
            Priority::Poll => &self.polls,
            Priority::Join => &self.joins,
            Priority::Confirm | Priority::Finalize => &self.orders,
            // The provider is one address, and its news are worth having.
            Priority::Callback => return Ok(None),
        };
        let Some(peer) = peer.filter(|peer| !self.unlimited.contain(*peer)) else { return Ok(None) };
        kind.budget.spend(&client(peer)).map(Some).inspect_err(|_| kind.refused.increment(1))
    }

    /// Forgets who has been quiet for long.
    pub(super) fn tidy(&self) {
        for kind in [&self.reads, &self.polls, &self.joins, &self.orders] {
            kind.budget.tidy();
        }
    }
}
