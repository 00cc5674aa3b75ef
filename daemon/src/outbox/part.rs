//! What of an account's limit is one node's, so that all nodes together keep to it. Pure.
//!
//! A limit is divided evenly; what does not divide goes to the nodes that stand first in an order that the account and their
//! numbers make (rendezvous hashing). When a node goes, the parts of the others only grow, so it does not matter who hears of it
//! first; before one that comes uses its part, the others have shrunk theirs (`Members::counted`).

use sha2::{Digest as _, Sha256};

/// Node `me`'s part of `limit`, among `nodes`; 0 if it is none of them.
#[must_use]
pub(super) fn part(limit: usize, account: &str, me: i64, nodes: &[i64]) -> usize {
    if !nodes.contains(&me) {
        return 0;
    }
    let (each, left) = (limit / nodes.len(), limit % nodes.len());
    if left == 0 {
        return each;
    }
    let mine = rank(account, me);
    let before = nodes.iter().filter(|node| **node != me && rank(account, **node) < mine).count();
    each + usize::from(before < left)
}

/// The same on each machine, of whatever version. Of equal ones, the elder is first.
fn rank(account: &str, node: i64) -> ([u8; 8], i64) {
    let digest = Sha256::new().chain_update(node.to_be_bytes()).chain_update(account).finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    (first, node)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn j2_parts_are_even_and_together_the_limit(
            limit in 0_usize..200,
            account in "[a-z]{1,8}",
            nodes in prop::collection::btree_set(1_i64..1000, 1..12),
        ) {
            let nodes: Vec<_> = nodes.into_iter().collect();
            let parts: Vec<_> = nodes.iter().map(|node| part(limit, &account, *node, &nodes)).collect();
            prop_assert_eq!(parts.iter().sum::<usize>(), limit);
            prop_assert!(parts.iter().max().unwrap() - parts.iter().min().unwrap() <= 1);
            prop_assert_eq!(part(limit, &account, 5000, &nodes), 0);
        }

        #[test]
        fn j2_whoever_still_counts_a_node_that_is_gone_uses_no_more_than_its_part(
            limit in 0_usize..200,
            account in "[a-z]{1,8}",
            nodes in prop::collection::btree_set(1_i64..1000, 2..12),
            gone in any::<prop::sample::Index>(),
            heard in any::<u16>(),
        ) {
            let all: Vec<_> = nodes.iter().copied().collect();
            let gone = all[gone.index(all.len())];
            let left: Vec<_> = nodes.difference(&BTreeSet::from([gone])).copied().collect();
            // Some have heard that it is gone, and some have not.
            let used: usize = left.iter().enumerate().map(|(at, node)| {
                let sees = if heard >> at & 1 == 1 { &left } else { &all };
                part(limit, &account, *node, sees)
            }).sum();
            prop_assert!(used <= limit, "{used} of {limit}");
        }
    }
}
