//! Promises that can be broken on purpose, to see that a test notices.

macro_rules! mutants {
    ($($(#[doc = $doc:literal])+ $mutant:ident = $name:literal),+ $(,)?) => {
        /// One thing done wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[doc = $doc])+ $mutant,)+
        }

        impl Mutant {
            /// Every mutant.
            pub const ALL: &[Self] = &[$(Self::$mutant),+];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$mutant => $name,)+
                }
            }

            /// What it does wrong.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$mutant => concat!($($doc),+).trim_ascii(),)+
                }
            }

            /// The mutant of a name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
            }
        }
    };
}

mutants! {
    /// A seat that somebody else has is held all the same.
    HoldTakenSeat = "hold-taken-seat",
    /// Of a basket with a taken seat the others are held.
    HoldInPart = "hold-in-part",
    /// A hold whose time is up is free only once it is swept, and nobody sweeps.
    HoldNeedsSweeper = "hold-needs-sweeper",
    /// The program's own clock, an hour fast, decides when an order is over.
    ProcessClock = "process-clock",
    /// A seat is pinned, whoever has it under whatever fence, however late.
    FenceIgnored = "fence-ignored",
    /// The sweeper ends orders by their state alone, whatever their time.
    SweptByState = "swept-by-state",
    /// A sold seat gets no ticket.
    NoTicket = "no-ticket",
    /// The payment is not written down before the provider is asked.
    NoIntent = "no-intent",
    /// Every try of a payment has a provider key of its own.
    NewKeyPerTry = "new-key-per-try",
    /// An answer that did not come is taken for a decline.
    TimeOutIsDecline = "time-out-is-decline",
    /// The money is taken while the seats may still lapse.
    CaptureBeforePin = "capture-before-pin",
    /// The money is taken although the order's time is up.
    FinalizeAfterExpiry = "finalize-after-expiry",
    /// An authorization that comes after the order's end is kept.
    LateAuthorizationKept = "late-authorization-kept",
    /// Only one side of the books is written.
    OneSidedBooks = "one-sided-books",
    /// Callbacks need no signature.
    CallbackUnverified = "callback-unverified",
    /// A decline gives the seats back at once.
    DeclineReleases = "decline-releases",
    /// A key in flight is worked on twice.
    InFlightIsFree = "in-flight-is-free",
    /// A key used for another request answers the first one.
    NoFingerprint = "no-fingerprint",
    /// A request that was cut off begins anew.
    ResumeFromScratch = "resume-from-scratch",
    /// An answer that is not the last word is kept.
    KeptBeforeFinal = "kept-before-final",
    /// All principals share their keys.
    KeyWithoutPrincipal = "key-without-principal",
    /// One more is let in than there is room for.
    CapacityPlusOne = "capacity-plus-one",
    /// Who stands before somebody who was let in is passed over.
    PagedByPlace = "paged-by-place",
    /// Who joins again gets a second place.
    SecondPlace = "second-place",
    /// Who was not let in may order.
    NoAdmission = "no-admission",
    /// A stream that comes back goes on without a snapshot.
    NoSnapshot = "no-snapshot",
}
