//! Which address takes the next request.

use super::super::Balance;

/// What the choice depends on.
#[derive(Clone, Copy, Debug)]
pub(in crate::upstream) struct Candidate {
    /// Neither ejected nor unhealthy.
    pub(in crate::upstream) usable: bool,
    /// Requests under way to it.
    pub(in crate::upstream) under_way: usize,
}

/// The place of the address that is taken; `None` if there is none.
///
/// If fewer than half are usable, all are taken for usable: the few that are left would get the load of all, and what
/// seems to be wrong with so many is more likely to be wrong with us. `turn` counts requests; `draw` gives a number below
/// the one that it is given.
pub(in crate::upstream) fn choose(
    balance: Balance,
    candidates: &[Candidate],
    turn: usize,
    mut draw: impl FnMut(usize) -> usize,
) -> Option<usize> {
    let usable = candidates.iter().filter(|c| c.usable).count();
    let panics = usable * 2 < candidates.len();
    let open = if panics { candidates.len() } else { usable };
    let nth = |n: usize| {
        let open = candidates.iter().enumerate().filter(|(_, c)| panics || c.usable);
        open.map(|(place, _)| place).nth(n)
    };
    match (open, balance) {
        (0, _) => None,
        (1, _) => nth(0),
        (_, Balance::RoundRobin) => nth(turn % open),
        (_, Balance::LeastRequests) => {
            let first = draw(open);
            // Another one: of two that are the same there is nothing to choose.
            let second = (first + 1 + draw(open - 1)) % open;
            let (first, second) = (nth(first)?, nth(second)?);
            let fewer = candidates[second].under_way < candidates[first].under_way;
            Some(if fewer { second } else { first })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(under_way: &[usize], out: &[usize]) -> Vec<Candidate> {
        let one =
            |(n, under_way): (usize, &usize)| Candidate { usable: !out.contains(&n), under_way: *under_way };
        under_way.iter().enumerate().map(one).collect()
    }

    #[test]
    fn nothing_is_chosen_from_nothing_and_the_only_one_without_a_draw() {
        let never = |_: usize| -> usize { unreachable!("nothing to draw") };
        assert_eq!(choose(Balance::LeastRequests, &[], 0, never), None);
        for out in [&[][..], &[0]] {
            assert_eq!(choose(Balance::LeastRequests, &candidates(&[9], out), 0, never), Some(0));
        }
        assert_eq!(choose(Balance::LeastRequests, &candidates(&[9, 0], &[1]), 0, never), Some(0));
    }

    #[test]
    fn of_two_that_are_drawn_the_one_with_fewer_under_way_is_taken() {
        let all = candidates(&[5, 3, 0, 3], &[]);
        let drawn = |first: usize, offset: usize| {
            let mut draws = vec![offset, first];
            choose(Balance::LeastRequests, &all, 0, |_| draws.pop().unwrap_or_default())
        };
        assert_eq!(drawn(0, 0), Some(1), "5 against 3");
        assert_eq!(drawn(1, 0), Some(2), "3 against 0");
        assert_eq!(drawn(1, 1), Some(1), "3 against 3: the first");
        assert_eq!(drawn(3, 0), Some(3), "3 against 5");
    }

    #[test]
    fn every_two_can_be_drawn_and_never_the_same_twice() {
        let all = candidates(&[0; 4], &[]);
        for first in 0..4 {
            let mut seen = std::collections::BTreeSet::new();
            for offset in 0..3 {
                let mut busy = all.clone();
                busy[first].under_way = 1;
                let mut draws = vec![offset, first];
                seen.insert(choose(Balance::LeastRequests, &busy, 0, |_| draws.pop().unwrap_or_default()));
            }
            assert_eq!(seen.len(), 3, "each of the other three");
            assert!(!seen.contains(&Some(first)));
        }
    }

    #[test]
    fn the_turn_goes_round_those_that_are_usable() {
        let all = candidates(&[0; 4], &[2]);
        let turns: Vec<_> = (0..6).map(|turn| choose(Balance::RoundRobin, &all, turn, |_| 0)).collect();
        assert_eq!(turns, [0, 1, 3, 0, 1, 3].map(Some));
    }

    #[test]
    fn with_less_than_half_left_all_are_used() {
        let reached = |out: &[usize]| {
            let all = candidates(&[0; 4], out);
            let turns = (0..4).filter_map(|turn| choose(Balance::RoundRobin, &all, turn, |_| 0));
            turns.collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(
            (reached(&[0]), reached(&[0, 1]), reached(&[0, 1, 2]), reached(&[0, 1, 2, 3])),
            (3, 2, 4, 4)
        );
    }
}
