//! Property tests that go on for as long as they are given: FAXPOST_FUZZ_SECONDS, which tests/run sets to a minute. A usual
//! run of the tests tries each a thousand times.

use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

/// Cases between two looks at the clock.
const ROUND: u32 = 1000;

/// Tries `test` with values of `strategy`, and reports how many there were.
pub(crate) fn fuzz<S: Strategy>(what: &str, strategy: &S, test: impl Fn(S::Value) -> TestCaseResult) {
    let seconds = std::env::var("FAXPOST_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let (begun, long) = (Instant::now(), Duration::from_secs(seconds.unwrap_or(0)));
    // What fails is in the message; next to which source it would be kept, a runner made by hand does not know.
    let config = Config { cases: ROUND, failure_persistence: None, ..Config::default() };
    let mut cases = 0_u64;
    loop {
        // A new one for each round: a runner that had its number of cases tries nothing more.
        let mut runner = TestRunner::new(config.clone());
        if let Err(error) = runner.run(strategy, &test) {
            panic!("{what}: {error}");
        }
        cases += u64::from(ROUND);
        if begun.elapsed() >= long {
            break;
        }
    }
    // On a line of its own, whatever the harness wrote before it.
    println!("\nfuzz: {cases} {what} in {} s", begun.elapsed().as_secs());
}
