//! The steps of a purchase before and after which the program may be made to die.

use tmcore::payment::Operation;

/// Whose step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A transaction of the office.
    Office,
    /// A question to the provider.
    Question,
    /// A transaction of the sandbox provider.
    Provider,
}

macro_rules! steps {
    ($($(#[doc = $doc:literal])+ $step:ident = $part:ident $name:literal),+ $(,)?) => {
        /// A step of a purchase.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Step {
            $($(#[doc = $doc])+ $step,)+
        }

        impl Step {
            /// Every step.
            pub const ALL: &[Self] = &[$(Self::$step),+];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$step => $name,)+
                }
            }

            /// Whose step it is.
            #[must_use]
            pub const fn part(self) -> Part {
                match self {
                    $(Self::$step => Part::$part,)+
                }
            }

            /// What it does.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$step => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

steps! {
    /// A place in line is written.
    Join = Office "join",
    /// Buyers are let in, or lapse.
    Turn = Office "turn",
    /// An idempotency key is claimed.
    ClaimKey = Office "claim-key",
    /// An order is begun.
    Create = Office "create",
    /// Seats are held, and the authorization is written down.
    Hold = Office "hold",
    /// The outcome of an authorization is written.
    SettleAuthorize = Office "settle-authorize",
    /// Seats are pinned, and the capture is written down.
    Pin = Office "pin",
    /// The outcome of a capture is written: tickets, or seats given back.
    SettleCapture = Office "settle-capture",
    /// The outcome of a void is written.
    SettleVoid = Office "settle-void",
    /// The outcome of a refund is written.
    SettleRefund = Office "settle-refund",
    /// An order is given up.
    Cancel = Office "cancel",
    /// The money of a finalized order is to go back.
    Refund = Office "refund",
    /// The end of an order's time is written.
    Expire = Office "expire",
    /// An answer is kept under its key.
    FinishKey = Office "finish-key",
    /// What the provider told by itself is kept.
    KeepCallback = Office "keep-callback",
    /// Open payments are taken by the resolver.
    TakePayments = Office "take-payments",
    /// The provider is asked to set an amount aside.
    AskAuthorize = Question "ask-authorize",
    /// The provider is asked for the money.
    AskCapture = Question "ask-capture",
    /// The provider is asked to let go of an amount.
    AskVoid = Question "ask-void",
    /// The provider is asked to give money back.
    AskRefund = Question "ask-refund",
    /// The provider is asked what it did under a key.
    AskLookUp = Question "ask-look-up",
    /// The provider is asked never to act under a key.
    AskFence = Question "ask-fence",
    /// The provider logs an authorization.
    LogAuthorize = Provider "log-authorize",
    /// The provider logs a capture.
    LogCapture = Provider "log-capture",
    /// The provider logs a void.
    LogVoid = Provider "log-void",
    /// The provider logs a refund.
    LogRefund = Provider "log-refund",
    /// The provider logs a key that may never act.
    LogFence = Provider "log-fence",
    /// The provider logs that what it told was taken.
    LogTold = Provider "log-told",
}

impl Step {
    /// Its two points: before and after.
    #[must_use]
    pub fn points(self) -> [String; 2] {
        let what = match self.part() {
            Part::Office | Part::Provider => "commit",
            Part::Question => "call",
        };
        ["before", "after"].map(|side| format!("{}.{side}-{what}", self.name()))
    }

    /// The outcome of an operation is written.
    #[must_use]
    pub const fn settle(operation: Operation) -> Self {
        match operation {
            Operation::Authorize => Self::SettleAuthorize,
            Operation::Capture => Self::SettleCapture,
            Operation::Void => Self::SettleVoid,
            Operation::Refund => Self::SettleRefund,
        }
    }

    /// The provider is asked for an operation.
    #[must_use]
    pub const fn ask(operation: Operation) -> Self {
        match operation {
            Operation::Authorize => Self::AskAuthorize,
            Operation::Capture => Self::AskCapture,
            Operation::Void => Self::AskVoid,
            Operation::Refund => Self::AskRefund,
        }
    }

    /// The provider logs an operation.
    #[must_use]
    pub const fn log(operation: Operation) -> Self {
        match operation {
            Operation::Authorize => Self::LogAuthorize,
            Operation::Capture => Self::LogCapture,
            Operation::Void => Self::LogVoid,
            Operation::Refund => Self::LogRefund,
        }
    }
}
