//! Settings that were found for an address: which one is chosen, and whether it may be taken yet.

use faxpost_proto::v1::{DiscoverAccountResponse, DiscoverySource, Proposal, Trust};

/// A search and what came of it.
#[derive(Default)]
pub struct Discovery {
    /// The address that was looked for.
    pub address: String,
    /// What was found; `None` before.
    found: Option<DiscoverAccountResponse>,
    chosen: usize,
    /// A person says that he has compared the chosen one.
    compared: bool,
}

impl Discovery {
    /// Begins for this address.
    pub fn begin(&mut self, address: &str) {
        *self = Self { address: address.to_owned(), ..Self::default() };
    }

    /// Takes what was found. The best is chosen.
    pub fn arrived(&mut self, found: DiscoverAccountResponse) {
        (self.chosen, self.compared) = (0, false);
        self.found = Some(found);
    }

    /// Best first.
    #[must_use]
    pub fn proposals(&self) -> &[Proposal] {
        self.found.as_ref().map_or(&[], |found| &found.proposals)
    }

    /// What was asked, if nothing was found.
    #[must_use]
    pub fn in_vain(&self) -> Option<&[DiscoverySource]> {
        self.found.as_ref().filter(|found| found.proposals.is_empty()).map(|found| &*found.sources)
    }

    /// Chooses another one: what was compared was not this one.
    pub fn choose(&mut self, index: usize) {
        if index != self.chosen {
            (self.chosen, self.compared) = (index, false);
        }
    }

    /// The chosen one and its place.
    #[must_use]
    pub fn current(&self) -> Option<(usize, &Proposal)> {
        self.proposals().get(self.chosen).map(|proposal| (self.chosen, proposal))
    }

    /// Whether a person has to compare it: whoever answers the DNS could have made it up.
    #[must_use]
    pub fn must_compare(&self) -> bool {
        self.current().is_some_and(|(_, proposal)| {
            // What is not known is not relied on.
            !matches!(proposal.trust(), Trust::BuiltIn | Trust::Authenticated | Trust::SameDomain)
        })
    }

    /// He did, or not.
    pub fn compare(&mut self, on: bool) {
        self.compared = on;
    }

    /// Whether he says that he did.
    #[must_use]
    pub fn is_compared(&self) -> bool {
        self.compared
    }

    /// What may be filled in.
    #[must_use]
    pub fn to_take(&self) -> Option<&Proposal> {
        let (_, proposal) = self.current()?;
        (self.compared || !self.must_compare()).then_some(proposal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(trusts: &[Trust]) -> DiscoverAccountResponse {
        let proposal = |trust: &Trust| Proposal { trust: (*trust).into(), ..Proposal::default() };
        DiscoverAccountResponse { proposals: trusts.iter().map(proposal).collect(), sources: Vec::new() }
    }

    #[test]
    fn a11_what_is_not_confirmed_is_taken_only_when_it_was_compared() {
        let mut discovery = Discovery::default();
        assert!(discovery.to_take().is_none());
        discovery.arrived(found(&[Trust::SameDomain, Trust::Unconfirmed, Trust::Unspecified]));
        assert!(discovery.to_take().is_some());
        for index in [1, 2] {
            discovery.choose(index);
            assert!(discovery.must_compare() && discovery.to_take().is_none(), "{index}");
            discovery.compare(true);
            assert!(discovery.to_take().is_some(), "{index}");
        }
        // What was said of one is not said of another.
        discovery.choose(1);
        assert!(discovery.to_take().is_none());
        discovery.compare(true);
        discovery.arrived(found(&[Trust::Unconfirmed]));
        assert!(discovery.to_take().is_none());
    }

    #[test]
    fn a11_what_was_asked_is_told_when_nothing_was_found() {
        let mut discovery = Discovery::default();
        assert!(discovery.in_vain().is_none());
        discovery.arrived(found(&[]));
        assert!(discovery.in_vain().is_some() && discovery.current().is_none());
        discovery.begin("fax@example.test");
        assert!(discovery.in_vain().is_none());
    }
}
