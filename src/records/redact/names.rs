//! Which names sound like a secret, whether of a field, a query parameter or a form's field.

/// Anywhere in a name, whatever surrounds it.
const PARTS: [&str; 11] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "signature",
    "credential",
    "authoriz",
    "apikey",
    "jwt",
    "session",
];

/// As one of the words of a name: too short or too common to be looked for anywhere.
const WORDS: [&str; 12] =
    ["key", "keys", "sig", "auth", "pwd", "pass", "otp", "pin", "sid", "ssn", "cvv", "authentication"];

/// True for a name that sounds like a secret: `access_token`, `X-Amz-Signature`, `apiKey`, `sig`.
/// Says yes too often rather than too seldom: what is replaced can still be told apart.
pub(super) fn secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    PARTS.iter().any(|part| lower.contains(part))
        || lower.ends_with("key")
        || words(name).any(|w| WORDS.contains(&w.as_str()))
}

/// The words of a name, lower case: split at everything but letters and at a capital after a small letter.
fn words(name: &str) -> impl Iterator<Item = String> {
    name.split(|c: char| !c.is_alphabetic()).flat_map(|part| {
        let mut words = vec![String::new()];
        let mut small = false;
        for c in part.chars() {
            if c.is_uppercase() && small {
                words.push(String::new());
            }
            small = c.is_lowercase();
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        words
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_sound_secret() {
        for name in [
            "token",
            "access_token",
            "accessToken",
            "X-Amz-Security-Token",
            "X-Amz-Signature",
            "X-Amz-Credential",
            "sig",
            "api_key",
            "apikey",
            "apiKey",
            "x-api-key",
            "key",
            "KEY",
            "password",
            "user[password]",
            "clientSecret",
            "authorization",
            "proxy-authorization",
            "auth",
            "userAuth",
            "jsessionid",
            "PHPSESSID.sid",
            "pwd",
            "x_pwd",
            "www-authentication",
            "Contraseña_password",
            "my.pass",
        ] {
            assert!(secret(name), "{name}");
        }
    }

    #[test]
    fn names_that_do_not() {
        for name in [
            "",
            "page",
            "q",
            "author",
            "keyword",
            "design",
            "passenger",
            "bypassed",
            "signal",
            "content-type",
            "spin",
            "host",
            "accept",
            "date",
            "user-agent",
            "x-request-id",
            "etag",
            "side",
            "compass",
        ] {
            assert!(!secret(name), "{name}");
        }
    }
}
