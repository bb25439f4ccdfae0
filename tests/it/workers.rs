//! Client connections are spread over the workers. A worker shows itself by its own connection to stable: requests sent
//! one after the other share one if and only if they are served by the same worker.

use std::collections::BTreeMap;

use crate::support::{Client, Proxy, Server, proxy, server};

/// Which connection to stable, hence which worker, serves this client.
fn worker(client: &mut Client, stable: &Server) -> usize {
    assert_eq!(client.get("/").read_response().status, 200);
    stable.requests().last().unwrap().connection
}

fn rig(workers: usize) -> (Server, Proxy) {
    let stable = server().start();
    let proxy = proxy().stable(&stable).with("listen", &format!("workers = {workers}")).start();
    (stable, proxy)
}

#[test]
fn no_worker_idles_while_another_has_two_more() {
    for workers in [1, 2, 3] {
        let (stable, proxy) = rig(workers);
        let mut clients: Vec<Client> = (0..workers * 4).map(|_| proxy.client()).collect();
        let mut served: BTreeMap<usize, usize> = BTreeMap::new();
        for client in &mut clients {
            *served.entry(worker(client, &stable)).or_default() += 1;
        }
        assert_eq!(served.values().copied().collect::<Vec<_>>(), vec![4; workers]);
        assert_eq!(stable.connections(), workers, "each worker has its own connection and no more");
    }
}

#[test]
fn a_worker_that_lost_a_connection_gets_the_next() {
    let (stable, proxy) = rig(2);
    let mut clients: Vec<Client> = (0..4).map(|_| proxy.client()).collect();
    let mine: Vec<usize> = clients.iter_mut().map(|c| worker(c, &stable)).collect();
    for _ in 0..5 {
        let lost = mine[3];
        drop(clients.pop());
        proxy.metrics_when("the connection is gone", |page| {
            page.sum("umbrage_client_connections", &[]) == 3.0
        });
        // A request that its worker serves afterwards: the books are closed by then.
        let left = mine[..3].iter().position(|w| *w == lost).unwrap();
        worker(&mut clients[left], &stable);
        let mut next = proxy.client();
        assert_eq!(worker(&mut next, &stable), lost);
        clients.push(next);
    }
}
