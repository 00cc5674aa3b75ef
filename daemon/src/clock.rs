//! Two clocks: the wall's, for people and for what is stored, and a steady one, for all that is waited for. The wall's
//! may jump (a time server, a person, a battery); then nothing is delayed, hurried or given up.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

/// Tells both times.
#[derive(Clone)]
pub struct Clock {
    wall: Arc<dyn Fn() -> i64 + Send + Sync>,
    begun: Instant,
}

impl Clock {
    /// The machine's.
    #[must_use]
    pub fn system() -> Self {
        Self::with_wall(|| jiff::Timestamp::now().as_millisecond())
    }

    /// With another wall clock, in Unix milliseconds: for tests that let it jump.
    pub fn with_wall(wall: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self { wall: Arc::new(wall), begun: Instant::now() }
    }

    /// Unix milliseconds.
    #[must_use]
    pub fn wall(&self) -> i64 {
        (self.wall)()
    }

    /// Milliseconds since this clock was made.
    #[must_use]
    pub fn steady(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({}, {})", self.wall(), self.steady())
    }
}
