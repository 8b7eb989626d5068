//! What a transition of an order asks of the world, as data.

/// One thing to do. All but the provider's part happen in the transaction that writes the order; the provider's part
/// is written there as an intent and asked for after the commit (M5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Hold the order's seats until it expires, all or none.
    HoldSeats,
    /// Take away the end of the hold (M7).
    PinSeats,
    /// Mark the pinned seats as sold to the order.
    SellSeats,
    /// Give back whatever the order holds or has pinned.
    ReleaseSeats,
    /// Give back the seats that the order owns; its tickets are worth nothing any more.
    ReturnSeats,
    /// One ticket a seat.
    IssueTickets,
    /// The waiting-room session is done: its slot is free.
    CloseSession,
    /// Ask the provider whether the card is good.
    Authorize,
    /// Ask the provider for the money.
    Capture,
    /// Ask the provider to forget the authorization.
    Void,
    /// Ask the provider to give back what it took.
    Refund,
}
