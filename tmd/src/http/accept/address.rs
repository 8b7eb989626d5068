//! How many connections each client has open.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is open by address: connections, or streams.
pub(in crate::http) struct Addresses {
    limit: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One that an address has open, until dropped.
pub(in crate::http) struct AddressPermit {
    addresses: Arc<Addresses>,
    client: IpAddr,
}

impl Addresses {
    pub(in crate::http) fn new(limit: usize) -> Self {
        Self { limit, open: Mutex::default() }
    }

    /// Counts one more; `None` when the address has as many as it may.
    pub(in crate::http) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<AddressPermit> {
        let client = client(address);
        let mut open = self.lock();
        let count = open.entry(client).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(AddressPermit { addresses: Arc::clone(self), client })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut open = self.addresses.lock();
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}

/// Whom an address stands for: one IPv4 host, however it is written, or one IPv6 network of 64 bits, within which a
/// single host may take any address it likes.
pub(in crate::http) fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_no_more_than_its_limit_under_any_of_its_addresses() {
        let addresses = Arc::new(Addresses::new(2));
        let enter = |text: &str| addresses.enter(text.parse().unwrap());
        for (first, same, other) in [
            ("10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"),
            ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"),
        ] {
            let held = [enter(first), enter(same)];
            assert!(held.iter().all(Option::is_some));
            assert!(enter(first).is_none());
            assert!(enter(other).is_some());
            drop(held);
            assert!(enter(same).is_some());
        }
        assert!(addresses.lock().is_empty(), "clients that left are forgotten");
    }
}
