//! What may be done with a request, and in which order they stand.

use faxpost_proto::v1::{Request, RequestState};

/// Why a person cannot decide, or take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// The policy says no.
    Denied,
    /// It is decided.
    Decided,
    /// Whoever asked cannot approve it.
    Own,
    /// Somebody else asked.
    Foreign,
}

/// Why it cannot be approved.
#[must_use]
pub fn approve(request: &Request, me: &str, may: bool) -> Option<Barrier> {
    match () {
        () if !may => Some(Barrier::Denied),
        () if !is_pending(request) => Some(Barrier::Decided),
        () if request.caller_id == me => Some(Barrier::Own),
        () => None,
    }
}

/// Why it cannot be refused.
#[must_use]
pub fn refuse(request: &Request, may: bool) -> Option<Barrier> {
    match () {
        () if !may => Some(Barrier::Denied),
        () if !is_pending(request) => Some(Barrier::Decided),
        () => None,
    }
}

/// Why it cannot be taken back.
#[must_use]
pub fn withdraw(request: &Request, me: &str, may: bool) -> Option<Barrier> {
    match () {
        () if !may => Some(Barrier::Denied),
        () if request.caller_id != me => Some(Barrier::Foreign),
        () if !is_pending(request) => Some(Barrier::Decided),
        () => None,
    }
}

/// It waits.
#[must_use]
pub fn is_pending(request: &Request) -> bool {
    request.state() == RequestState::Pending
}

/// Those that wait first, each part newest first.
pub fn sort(requests: &mut [Request]) {
    requests.sort_by_key(|request| (!is_pending(request), std::cmp::Reverse(request.number)));
}

/// "Certificates/GrantKeyAccess": what is called, without the package.
#[must_use]
pub fn method(request: &Request) -> &str {
    request.method.trim_start_matches("faxpost.v1.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: i64, state: RequestState, caller: &str) -> Request {
        Request { number, state: state.into(), caller_id: caller.into(), ..Request::default() }
    }

    #[test]
    fn c6_nobody_approves_his_own_request() {
        let mine = request(1, RequestState::Pending, "uid:7");
        assert_eq!(approve(&mine, "uid:7", true), Some(Barrier::Own));
        assert_eq!(approve(&mine, "uid:0", true), None);
        assert_eq!(approve(&mine, "uid:0", false), Some(Barrier::Denied));
        assert_eq!((refuse(&mine, true), withdraw(&mine, "uid:7", true)), (None, None));
        assert_eq!(withdraw(&mine, "uid:0", true), Some(Barrier::Foreign));
    }

    #[test]
    fn c6_what_is_decided_stays_so() {
        for state in
            [RequestState::Approved, RequestState::Done, RequestState::Refused, RequestState::Expired]
        {
            let over = request(1, state, "uid:7");
            let barriers =
                [approve(&over, "uid:0", true), refuse(&over, true), withdraw(&over, "uid:7", true)];
            assert_eq!(barriers, [Some(Barrier::Decided); 3]);
        }
    }

    #[test]
    fn c6_those_that_wait_stand_first() {
        let mut all = [
            request(4, RequestState::Done, ""),
            request(1, RequestState::Pending, ""),
            request(3, RequestState::Pending, ""),
            request(2, RequestState::Refused, ""),
        ];
        sort(&mut all);
        assert_eq!(all.map(|request| request.number), [3, 1, 4, 2]);
    }
}
