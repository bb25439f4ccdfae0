//! Legs that nobody gets a connection to.

use std::fs;

use tempfile::TempDir;

use super::ailing::{Ailing, well};
use super::http2::echoing;
use crate::support::{Authority, Identity, dead_address, full_backlog_address, modern, server};

faults! {
    nobody_listens: nobody();
    a_syn_is_not_answered: overwhelmed();
    connections_are_reset_at_once: Ailing::server(server().resets_on_accept(), &["reset", "connect_error"]);
    a_handshake_never_ends: unending();
    its_certificate_is_a_strangers: shows(|_| Authority::new().signs(&["127.0.0.1"]));
    its_certificate_has_another_name: shows(|authority| authority.signs(&["other.example"]));
    its_certificate_has_expired: shows(|authority| authority.signed_long_ago(&["127.0.0.1"]));
}

fn nobody() -> Ailing {
    let dead = dead_address();
    Ailing::new(dead.url(), &["connect_error"], move || dead.become_server(well()))
}

fn overwhelmed() -> Ailing {
    let full = full_backlog_address();
    Ailing::new(full.url(), &["connect_timeout"], move || full.become_server(well()))
}

/// Reads what it takes for a head that goes on.
fn unending() -> Ailing {
    let server = server().start();
    let url = server.url().replace("http:", "https:");
    let (authority, dir) = believed();
    let ca = ca_line(&dir);
    let cure =
        move || (echoing().tls(&authority.signs(&["127.0.0.1"]), &["h2"]).start_on(server.leave()), dir);
    Ailing::new(url, &["connect_timeout"], cure).with(ca)
}

/// Shows this certificate and, when it is well, one that is right.
fn shows(wrong: impl FnOnce(&Authority) -> Identity) -> Ailing {
    let (authority, dir) = believed();
    let backend = modern().tls(&wrong(&authority), &["h2"]).start();
    let (url, ca) = (backend.url(), ca_line(&dir));
    let cure = move || (backend.replace(echoing().tls(&authority.signs(&["127.0.0.1"]), &["h2"])), dir);
    Ailing::new(url, &["connect_error"], cure).with(ca)
}

/// An authority, and a folder with its certificate.
fn believed() -> (Authority, TempDir) {
    let (authority, dir) = (Authority::new(), TempDir::new().unwrap());
    fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
    (authority, dir)
}

fn ca_line(dir: &TempDir) -> String {
    format!("tls = {{ ca = \"{}\" }}", dir.path().join("ca.pem").display())
}
