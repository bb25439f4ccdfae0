//! Whom the client's certificate names, for the backend: in a field that is ours alone.

use http::{HeaderMap, HeaderName};

use crate::live::peer::Certified;

/// Says whom the certificate names, and takes off whatever the client says of it: under that name, and under those that
/// backends which read fields as variables cannot tell from it.
pub(super) fn write(fields: &mut HeaderMap, certified: &Certified) {
    let plain = |b: u8| if matches!(b, b'_' | b'.') { b'-' } else { b };
    let ours = certified.field.as_str();
    let same = |name: &HeaderName| name.as_str().bytes().map(plain).eq(ours.bytes().map(plain));
    let forged: Vec<HeaderName> = fields.keys().filter(|name| same(name)).cloned().collect();
    for name in forged {
        fields.remove(name);
    }
    if let Some(value) = &certified.value {
        fields.insert(certified.field.clone(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Version};

    use super::super::fixture::{all, map, settings, snapshot};
    use super::super::{Survey, prepare_request};
    use super::*;
    use crate::live::peer::Peer;

    #[test]
    fn nobody_says_of_himself_who_he_is() {
        let field = HeaderName::from_static("x-client-id");
        for value in [None, Some("uri:spiffe://a")] {
            let certified = Certified { field: field.clone(), value: value.map(HeaderValue::from_static) };
            let (client, local) = (([10, 1, 2, 3], 5000).into(), ([10, 0, 0, 1], 443).into());
            let peer = Peer::secure(client, local, Some(certified));
            let mut fields = map(&[
                ("x-client-id", "forged"),
                ("x-client-id", "again"),
                ("x_client_id", "forged"),
                ("x-client.id", "forged"),
                ("x-client-idx", "another"),
                ("connection", "x-client-id"),
            ]);
            let survey = Survey::of(&fields, None);
            let snapshot = snapshot(&settings(), &["10.0.0.0/8"]);
            prepare_request(&mut fields, Version::HTTP_11, &peer, &snapshot, survey);
            assert_eq!(all(&fields, "x-client-id"), value.into_iter().collect::<Vec<_>>());
            assert!(!fields.contains_key("x_client_id") && !fields.contains_key("x-client.id"));
            assert_eq!(
                (all(&fields, "x-client-idx"), all(&fields, "x-forwarded-proto")),
                (vec!["another"], vec!["https"])
            );
        }
    }
}
