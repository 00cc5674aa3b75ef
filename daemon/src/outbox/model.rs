//! A message in the outbox, and where it stands.

/// Where a message stands. The numbers are stored, `Sending` never is: a crash leaves it `Queued`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for its next attempt.
    Queued = 1,
    /// An attempt is under way.
    Sending = 2,
    /// Waits until it is released.
    Held = 3,
    /// Handed over for every recipient.
    Delivered = 4,
    /// Finished; at least one recipient was not reached.
    Failed = 5,
    /// Finished by a caller before every recipient was reached.
    Cancelled = 6,
}

impl State {
    /// Nothing will change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Failed | Self::Cancelled)
    }

    /// The state of a stored number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Queued, Self::Sending, Self::Held, Self::Delivered, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|state| *state as i64 == number)
    }
}

/// Where a recipient stands. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientState {
    /// Not reached yet.
    Pending = 1,
    /// Handed over.
    Delivered = 2,
    /// Refused, or given up.
    Failed = 3,
    /// Cancelled by a caller.
    Cancelled = 4,
}

impl RecipientState {
    /// The state of a stored number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|state| *state as i64 == number)
    }
}

/// One recipient of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// addr-spec as the transport uses it.
    pub address: String,
    /// Where it stands.
    pub state: RecipientState,
    /// The server's last words about it.
    pub answer: String,
}

/// A message in the outbox, without its body. Times are Unix milliseconds.
#[derive(Clone, Debug)]
pub struct Message {
    /// The store's key: grows with acceptance.
    pub seq: i64,
    /// UUID, for callers.
    pub id: String,
    /// Message-ID header field, with angle brackets.
    pub message_id: String,
    /// Account id.
    pub account: String,
    /// Stable identity of who sent it.
    pub caller_id: String,
    /// The same for people.
    pub caller_name: String,
    /// Where it stands.
    pub state: State,
    /// Envelope sender.
    pub sender: String,
    /// Subject.
    pub subject: String,
    /// All recipients, in order.
    pub recipients: Vec<Recipient>,
    /// Bytes of the finished message.
    pub size: u64,
    /// Attempts that have ended.
    pub attempts: u32,
    /// When it was accepted.
    pub accepted_at: i64,
    /// When the next attempt is due.
    pub next_attempt_at: Option<i64>,
    /// No attempt after this.
    pub expires_at: i64,
    /// Why the last attempt did not end well.
    pub last_error: String,
    /// Its stable code.
    pub last_error_reason: String,
    /// Not before this, chosen by the caller.
    pub not_before: Option<i64>,
    /// What is asked of servers, as the store keeps it.
    pub delivery_status: String,
    /// Known to have nothing but 7-bit lines that end with CRLF: nobody needs to look before it is sent.
    pub seven_bit: bool,
    /// Why the daemon holds it, a code as in `last_error_reason`; empty: it does not, or a caller does.
    pub held_for: String,
}
