//! Every kind of value: what is accepted, how it is shown, what is refused and in which words.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ::http::{HeaderName, Method};
use ipnet::IpNet;
use proptest::prelude::*;
use toml::de::DeTable;

use super::*;
use crate::config::reader::{Findings, Node};
use crate::config::section::Value;
use crate::gate::SampleBy;
use crate::live::settings::{Forwarded, RequestId, Trace, Via};
use crate::model::Ppm;
use crate::upstream::{HostPolicy, Origin};

/// Reads one TOML value; the words of the first problem if it is refused.
fn read<T: Value>(written: &str) -> Result<T, String> {
    let text = format!("key = {written}");
    let table = DeTable::parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let value = &table.get_ref()["key"];
    let mut findings = Findings::default();
    let node = Node { path: "key", value: value.get_ref(), span: &value.span() };
    if let Some(read) = T::read(node, &mut findings) {
        assert!(findings.problems.is_empty(), "{written} was read, and has problems");
        return Ok(read);
    }
    let problem = findings.problems.first().unwrap_or_else(|| panic!("{written} is refused without a word"));
    assert!(problem.span.is_some(), "{written} is refused without a place");
    Err(format!("{}: {}", problem.title, problem.label))
}

/// Accepted values and how each is shown; what is shown reads as the same value.
fn accepts<T: Value + PartialEq + Debug>(cases: &[(&str, &str)]) {
    for (written, shown) in cases {
        let value = read::<T>(written).unwrap_or_else(|why| panic!("{written}: {why}"));
        let again = value.show(false).to_string();
        assert_eq!(again, *shown, "{written}");
        assert_eq!(read::<T>(&again).unwrap(), value, "{written}");
    }
}

/// Refused values and a part of what is said.
fn refuses<T: Value + Debug>(cases: &[(&str, &str)]) {
    for (written, said) in cases {
        let why = read::<T>(written).expect_err(written);
        assert!(why.contains(said), "{written}: {why}");
    }
}

#[test]
fn whole_numbers() {
    accepts::<usize>(&[("0", "0"), ("10_000", "10000"), ("0x10", "16")]);
    accepts::<i32>(&[("-5", "-5")]);
    refuses::<usize>(&[
        ("-1", "too small"),
        ("99999999999999999999999", "too large"),
        ("1.5", "this is a float"),
    ]);
    refuses::<u32>(&[("4294967296", "too large"), ("\"1\"", "must be a whole number: this is a string")]);
    assert_eq!(read::<u64>("18446744073709551615"), Ok(u64::MAX));
    assert!(5_usize.within(&5, &5) && !5_usize.within(&6, &9) && !5_usize.within(&1, &4));
}

#[test]
fn switches() {
    accepts::<bool>(&[("true", "true"), ("false", "false")]);
    refuses::<bool>(&[("1", "must be true or false: this is an integer"), ("\"true\"", "this is a string")]);
}

#[test]
fn percentages() {
    accepts::<Ppm>(&[("0", "0"), ("100", "100"), ("5.0", "5"), ("0.0001", "0.0001"), ("12.5", "12.5")]);
    let said = "not a percentage";
    refuses::<Ppm>(&[
        ("-1", said),
        ("100.0001", said),
        ("0.00001", said),
        ("nan", said),
        ("inf", said),
        ("99999999999", said),
        ("99999999999999999999", said),
        ("\"5\"", "must be a number"),
        ("true", "this is a boolean"),
    ]);
}

#[test]
fn durations() {
    accepts::<Duration>(&[
        ("\"250ms\"", "\"250ms\""),
        ("\"90s\"", "\"90s\""),
        ("\"1m 15s\"", "\"75s\""),
        ("\"30days\"", "\"30d\""),
        ("\"720h\"", "\"30d\""),
        ("\"1ms 500us\"", "\"1ms 500us\""),
        ("\"0s\"", "\"0s\""),
    ]);
    let said = "not a duration";
    refuses::<Duration>(&[
        ("\"10\"", said),
        ("\"\"", said),
        ("\"-1s\"", said),
        ("\"99999999999999999999y\"", said),
    ]);
    refuses::<Duration>(&[
        ("10", "must be a string: this is an integer"),
        ("10:00:00", "this is a datetime"),
    ]);
}

#[test]
fn sizes() {
    accepts::<Size>(&[
        ("\"64KiB\"", "\"64KiB\""),
        ("\"1024KiB\"", "\"1MiB\""),
        ("\"1 MB\"", "\"1000000B\""),
        ("\"1.5KiB\"", "\"1536B\""),
        ("\"0B\"", "\"0B\""),
        ("\"2GiB\"", "\"2GiB\""),
    ]);
    refuses::<Size>(&[
        ("\"-1KiB\"", "not a size"),
        ("\"KiB\"", "not a size"),
        ("1024", "this is an integer"),
    ]);
    assert_eq!(Size(3).bytes(), 3);
}

#[test]
fn texts_paths_and_secrets() {
    accepts::<String>(&[("\"2026-11-22.3\"", "\"2026-11-22.3\""), ("'ä'", "\"ä\"")]);
    refuses::<String>(&[("\"\"", "1 to 64"), ("\"a\\nb\"", "printable"), ("[]", "this is an array")]);
    accepts::<PathBuf>(&[("\"/var/lib/umbrage\"", "\"/var/lib/umbrage\"")]);
    refuses::<PathBuf>(&[("\"\"", "not a path"), ("\"a\\u0000b\"", "not a path"), ("1", "must be a string")]);
    let secret = read::<Secret>("\"hunter2\"").unwrap();
    assert_eq!(secret.0, "hunter2");
    assert_eq!(secret.show(true).to_string(), "\"***\"");
    assert!(!format!("{secret:?}").contains("hunter2"));
    refuses::<Secret>(&[
        ("\"\"", "is empty"),
        ("\"a b\"", "visible ASCII"),
        ("\"ä\"", "visible ASCII"),
        ("7", "string"),
    ]);
}

#[test]
fn lists_collect_the_problems_of_every_item() {
    accepts::<Vec<Method>>(&[("[]", "[]"), ("[\"GET\", \"PURGE\"]", "[\"GET\", \"PURGE\"]")]);
    refuses::<Vec<Method>>(&[("\"GET\"", "must be a list"), ("{ a = 1 }", "this is a table")]);
    let text = "key = [1, \"GET\", \"get\"]";
    let table = DeTable::parse(text).unwrap();
    let value = &table.get_ref()["key"];
    let mut findings = Findings::default();
    let node = Node { path: "key", value: value.get_ref(), span: &value.span() };
    assert!(Vec::<Method>::read(node, &mut findings).is_none());
    let places: Vec<&str> = findings.problems.iter().map(|p| &text[p.span.clone().unwrap()]).collect();
    assert_eq!(places, ["1", "\"get\""]);
    assert!(findings.problems[1].title.contains("key[2]"));
}

#[test]
fn addresses_and_networks() {
    accepts::<SocketAddr>(&[("\"0.0.0.0:8080\"", "\"0.0.0.0:8080\""), ("\"[::]:0\"", "\"[::]:0\"")]);
    refuses::<SocketAddr>(&[
        ("\"localhost:80\"", "cannot be read"),
        ("\"127.0.0.1\"", "the port is missing"),
        ("\":8080\"", "cannot be read"),
        ("\"127.0.0.1:65536\"", "cannot be read"),
    ]);
    accepts::<IpNet>(&[("\"10.0.0.0/8\"", "\"10.0.0.0/8\""), ("\"127.0.0.1\"", "\"127.0.0.1/32\"")]);
    refuses::<IpNet>(&[("\"10.0.0.0/33\"", "not a network"), ("\"example\"", "not a network")]);
}

#[test]
fn urls_of_legs() {
    accepts::<Origin>(&[
        ("\"http://127.0.0.1:9001\"", "\"http://127.0.0.1:9001\""),
        ("\"HTTP://Shop.Example/\"", "\"http://Shop.Example\""),
        ("\"http://[::1]:80\"", "\"http://[::1]:80\""),
    ]);
    refuses::<Origin>(&[
        ("\"https://a\"", "https legs are not supported yet"),
        ("\"HTTPS://a\"", "https legs are not supported yet"),
        ("\"a:80\"", "scheme is missing"),
        ("\"unix:///a\"", "must be http"),
        ("\"http://\"", "not a url"),
        ("\"http://:80\"", "host"),
        ("\"http://a:0\"", "from 1 to 65535"),
        ("\"http://a:65536\"", "not a url"),
        ("\"http://a:x\"", "not a url"),
        ("\"http://a/path\"", "no path"),
        ("\"http://a?b\"", "no path"),
        ("\"http://a#b\"", "no path"),
        ("\"http://a b\"", "not a url"),
        ("\"http://u:p@a\"", "credentials"),
        ("\"http://[::1\"", "not a url"),
        ("\"http://[zz]\"", "not a url"),
    ]);
    let origin = read::<Origin>("\"http://[fd00::1]\"").unwrap();
    assert_eq!((origin.host.as_str(), origin.port), ("fd00::1", 80));
}

#[test]
fn hosts() {
    accepts::<HostPolicy>(&[
        ("\"preserve\"", "\"preserve\""),
        ("\"upstream\"", "\"upstream\""),
        ("\"shop.example:8443\"", "\"shop.example:8443\""),
    ]);
    refuses::<HostPolicy>(&[
        ("\"\"", "not a host"),
        ("\"a/b\"", "not a host"),
        ("\"u@a\"", "not a host"),
        ("\"a:0\"", "port"),
    ]);
    accepts::<HostName>(&[("\"Shop.Example\"", "\"shop.example\""), ("\"[::1]\"", "\"[::1]\"")]);
    refuses::<HostName>(&[
        ("\"*.example\"", "patterns"),
        ("\"a:80\"", "without their port"),
        ("\"a b\"", "not a host name"),
    ]);
}

#[test]
fn methods_and_fields() {
    refuses::<Method>(&[
        ("\"get\"", "told apart by case"),
        ("\"CONNECT\"", "cannot be routed"),
        ("\"\"", "not a method"),
    ]);
    accepts::<HeaderName>(&[("\"X-Request-Id\"", "\"x-request-id\"")]);
    refuses::<HeaderName>(&[
        ("\"a b\"", "not a header name"),
        ("\"\"", "not a header name"),
        ("\"ä\"", "not a header name"),
    ]);
    accepts::<Mark>(&[("\"off\"", "\"off\""), ("\"X-Shadow\"", "\"x-shadow\"")]);
    refuses::<Mark>(&[
        ("\"host\"", "cannot be the mark"),
        ("\"a b\"", "not a header name"),
        ("false", "string"),
    ]);
}

#[test]
fn header_sets() {
    accepts::<HeaderSet>(&[("{}", "{}"), ("{ X-Dry-Run = \"1\" }", "{ x-dry-run = \"1\" }")]);
    refuses::<HeaderSet>(&[
        ("[]", "must be a table"),
        ("{ a = 1 }", "must be a string"),
        ("{ \"a b\" = \"1\" }", "not a header name"),
        ("{ a = \"x\\ny\" }", "not a header value"),
        ("{ Content-Length = \"1\" }", "cannot be set"),
        ("{ HOST = \"a\" }", "cannot be set"),
    ]);
    for secret in ["authorization", "Cookie", "x-api-key", "proxy-authorization", "x-session-token"] {
        let set = read::<HeaderSet>(&format!("{{ {secret} = \"hunter2\" }}")).unwrap();
        assert!(!set.show(true).to_string().contains("hunter2"), "{secret}");
        assert!(!format!("{set:?}").contains("hunter2"), "{secret}");
    }
}

#[test]
fn samples() {
    accepts::<SampleBy>(&[
        ("\"random\"", "\"random\""),
        ("\"client_ip\"", "\"client_ip\""),
        ("\"trace\"", "\"trace\""),
        ("\"header:X-User\"", "\"header:x-user\""),
        ("\"cookie:Session\"", "\"cookie:Session\""),
        ("\"query:user[id]\"", "\"query:user[id]\""),
    ]);
    let said = "not something to sample by";
    refuses::<SampleBy>(&[
        ("\"header\"", said),
        ("\"header:\"", said),
        ("\"header:a b\"", said),
        ("\"cookie:a;b\"", said),
        ("\"query:a&b\"", said),
        ("\"ip:1\"", said),
        ("\"Random\"", said),
    ]);
}

#[test]
fn rules() {
    accepts::<Template>(&[("\"/\"", "\"/\""), ("\"/a/{b}/{*rest}\"", "\"/a/{b}/{*rest}\"")]);
    refuses::<Template>(&[
        ("\"a\"", "starts with '/'"),
        ("\"/{*a}/b\"", "at the end"),
        ("\"/a?b\"", "no '?'"),
    ]);
    accepts::<JsonPath>(&[
        ("\"$\"", "\"$\""),
        ("\"$..a[*]\"", "\"$..a[*]\""),
        ("'$[\"a b\"]'", "'$[\"a b\"]'"),
    ]);
    refuses::<JsonPath>(&[
        ("\"a\"", "begin with $"),
        ("\"$.\"", "cannot be read"),
        ("\"$[\"", "cannot be read"),
    ]);
    accepts::<Redaction>(&[("\"$.a\"", "\"$.a\""), ("\"header:X-A\"", "\"header:X-A\"")]);
    refuses::<Redaction>(&[
        ("\"x-a\"", "begin with $"),
        ("\"header:\"", "header name"),
        ("\"query:a\"", "begin with $"),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn shown_sizes_and_durations_read_as_themselves(bytes in 0..1_u64 << 50, millis in 0..10_u64.pow(12)) {
        let shown = Size(bytes).show(false).to_string();
        prop_assert_eq!(read::<Size>(&shown), Ok(Size(bytes)));
        let duration = Duration::from_millis(millis);
        let shown = duration.show(false).to_string();
        prop_assert_eq!(read::<Duration>(&shown), Ok(duration));
    }

    #[test]
    fn no_url_host_or_rule_makes_a_reader_panic(text in "[ -~]{0,40}") {
        let written = toml::Value::String(text.clone()).to_string();
        let read = [
            read::<Origin>(&written).is_ok(),
            read::<Origin>(&toml::Value::String(format!("http://{text}")).to_string()).is_ok(),
            read::<HostPolicy>(&written).is_ok(),
            read::<HostName>(&written).is_ok(),
            read::<Template>(&written).is_ok(),
            read::<JsonPath>(&written).is_ok(),
            read::<SampleBy>(&written).is_ok(),
        ];
        prop_assert!(!read.iter().all(|ok| *ok), "no text is all of these");
    }
}

#[test]
fn words_of_a_few() {
    accepts::<Forwarded>(&[
        ("\"x-forwarded\"", "\"x-forwarded\""),
        ("\"rfc7239\"", "\"rfc7239\""),
        ("\"both\"", "\"both\""),
    ]);
    accepts::<Via>(&[("\"requests\"", "\"requests\""), ("\"both\"", "\"both\""), ("\"off\"", "\"off\"")]);
    accepts::<RequestId>(&[
        ("\"trusted\"", "\"trusted\""),
        ("\"keep\"", "\"keep\""),
        ("\"make\"", "\"make\""),
        ("\"off\"", "\"off\""),
    ]);
    accepts::<Trace>(&[("\"propagate\"", "\"propagate\""), ("\"pass\"", "\"pass\""), ("\"off\"", "\"off\"")]);
    let said = "is not one of its words";
    refuses::<Via>(&[
        ("\"Requests\"", said),
        ("\"\"", said),
        ("true", "must be a string: this is a boolean"),
    ]);
}

#[test]
fn instances_and_logs() {
    accepts::<Instance>(&[("\"eu-1.a_b\"", "\"eu-1.a_b\"")]);
    let long = format!("{:?}", "x".repeat(65));
    let said = "not an instance's id";
    refuses::<Instance>(&[
        ("\"\"", said),
        ("\"a b\"", said),
        ("\"a,b\"", said),
        ("\"é\"", said),
        (&long, said),
    ]);
    accepts::<AccessLog>(&[
        ("\"off\"", "\"off\""),
        ("\"stdout\"", "\"stdout\""),
        ("\"logs/access.log\"", "\"logs/access.log\""),
    ]);
    let said = "nowhere to log to";
    refuses::<AccessLog>(&[
        ("\"\"", said),
        ("\"/var/log/\"", said),
        ("\"a\\u0000\"", said),
        ("1", "must be a string"),
    ]);
}
