//! Several addresses are tried until one gives a connection: the next when one fails, and also when one takes long
//! (RFC 8305, in its simple form). Nothing of a request is written meanwhile, so this may be done with any.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http_body::Body;

use super::ConnectError;
use super::connect::{Made, Way, connect};
use super::endpoint::Endpoint;

/// How long an address may take before the next is tried beside it (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Addresses tried for one request at most: each costs those that come after it time.
pub(super) const MOST_TRIES: usize = 3;

/// The first connection that is made, and to whom. `failed` is told of each address that gave none.
///
/// # Errors
/// What the last of them failed with.
pub(super) async fn race<B>(
    candidates: Vec<(Rc<Endpoint<B>>, Way)>,
    failed: impl Fn(&Rc<Endpoint<B>>),
) -> Result<(Rc<Endpoint<B>>, Made<B>), ConnectError>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let run = |(endpoint, way): (Rc<Endpoint<B>>, Way)| async move { (endpoint, connect(way).await) };
    let mut next = VecDeque::from(candidates);
    let mut running = FuturesUnordered::new();
    running.extend(next.pop_front().map(run));
    loop {
        let ended = if next.is_empty() {
            running.next().await
        } else if let Ok(ended) = tokio::time::timeout(HEAD_START, running.next()).await {
            ended
        } else {
            running.extend(next.pop_front().map(run));
            continue;
        };
        match ended {
            Some((endpoint, Ok(made))) => return Ok((endpoint, made)),
            Some((endpoint, Err(error))) => {
                failed(&endpoint);
                running.extend(next.pop_front().map(run));
                if running.is_empty() {
                    return Err(error);
                }
            }
            None => return Err(ConnectError::Io(std::io::ErrorKind::NotFound.into())),
        }
    }
}

/// The addresses of a race in their order: the first, one of the other family (a path that is broken is often broken for
/// one family only), then the others.
pub(super) fn order<B>(first: &Rc<Endpoint<B>>, others: &[Rc<Endpoint<B>>]) -> Vec<Rc<Endpoint<B>>> {
    let family = first.address.is_ipv4();
    let rest = others.iter().filter(|other| !Rc::ptr_eq(other, first)).cloned();
    let (mut near, mut far): (VecDeque<_>, VecDeque<_>) =
        rest.partition(|other| other.address.is_ipv4() == family);
    let mut all = vec![first.clone()];
    while all.len() < MOST_TRIES
        && let Some(next) = far.pop_front().or_else(|| near.pop_front())
    {
        all.push(next);
        std::mem::swap(&mut near, &mut far);
    }
    all
}

#[cfg(test)]
mod tests {
    use http_body_util::Empty;

    use super::*;

    #[test]
    fn families_take_turns_and_the_tries_are_bounded() {
        let endpoint = |address: &str| {
            let address = address.parse().expect("an address");
            Rc::new(Endpoint::<Empty<Bytes>>::new(address, 0, None))
        };
        let all: Vec<_> =
            ["[::1]:1", "[::1]:2", "[::1]:3", "127.0.0.1:4"].into_iter().map(endpoint).collect();
        let ports = |first: usize, all: &[Rc<Endpoint<_>>]| -> Vec<u16> {
            order(&all[first], all).iter().map(|e| e.address.port()).collect()
        };
        assert_eq!(ports(0, &all), [1, 4, 2]);
        assert_eq!(ports(1, &all), [2, 4, 1]);
        assert_eq!(ports(3, &all), [4, 1, 2]);
        assert_eq!(ports(0, &all[..3]), [1, 2, 3]);
        assert_eq!(ports(0, &all[..1]), [1]);
    }
}
