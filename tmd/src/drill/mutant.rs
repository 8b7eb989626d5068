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
    /// An answer that did not come is taken for a decline.
    TimeOutIsDecline = "time-out-is-decline",
    /// Every try of a payment has a provider key of its own.
    NewKeyPerTry = "new-key-per-try",
    /// The capture is asked for before the seats are pinned.
    CaptureBeforePin = "capture-before-pin",
    /// Whoever uses another's key finds the other's answer.
    KeyWithoutPrincipal = "key-without-principal",
    /// A key used for another request answers the first one.
    NoFingerprint = "no-fingerprint",
    /// A key in flight is worked on twice.
    InFlightIsFree = "in-flight-is-free",
    /// A request that was cut off begins anew.
    ResumeFromScratch = "resume-from-scratch",
    /// One more is let in than there is room for.
    CapacityPlusOne = "capacity-plus-one",
    /// A stream that comes back gets no snapshot.
    NoSnapshot = "no-snapshot",
}
