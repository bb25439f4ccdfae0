//! Whatever a backend answers, the client gets at most one sound answer for each of its requests, what it gets is what the
//! backend said in answer to that very request, and of what comes behind an answer nothing.

use std::rc::Rc;

use super::grammar::{Choices, answer, raw};
use super::stage::{Act, Stage};
use super::strict::{self, Broken, Message};

thread_local! {
    static STAGE: Stage = Stage::new("");
}

/// What a client asks, one behind the other.
const ASKED: [(&str, &str); 4] = [
    ("GET", "GET /r0 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("HEAD", "HEAD /r1 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("POST", "POST /r2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"),
    ("GET", "GET /r3 HTTP/1.1\r\nHost: a\r\n\r\n"),
];

/// What a backend says to one request.
struct Said {
    /// The answer.
    answer: Vec<u8>,
    /// What comes behind it, and has the word `excess` in it if it has any.
    excess: Vec<u8>,
    /// Whether the connection ends there.
    closes: bool,
}

impl Said {
    /// In pieces, the head cut so often. What is behind the head comes along with its end: who answers another request by
    /// what comes later, when that was asked, cannot be told from who answers it.
    fn pieces(&self, cuts: usize) -> Vec<Vec<u8>> {
        let head = self.answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
        let mut pieces: Vec<Vec<u8>> =
            self.answer[..head].chunks(head / (cuts + 1) + 1).map(<[u8]>::to_vec).collect();
        pieces.push([&self.answer[head..], &self.excess].concat());
        pieces
    }
}

/// The first byte says whether the rest are choices or the bytes of one answer.
pub fn check(data: &[u8]) {
    let mut choices = Choices::new(data);
    let kind = choices.byte();
    let start = choices.below(ASKED.len());
    let said: Vec<Said> = if kind & 1 == 0 {
        ASKED
            .iter()
            .map(|(method, _)| {
                let (answer, excess) = answer(&mut choices, method);
                Said { answer, excess, closes: choices.rarely(2) }
            })
            .collect()
    } else {
        let sound = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
        let first = Said { answer: raw(&mut choices).concat(), excess: Vec::new(), closes: kind & 2 == 0 };
        let rest = ASKED.iter().map(|_| Said { answer: sound.clone(), excess: Vec::new(), closes: false });
        std::iter::once(first).chain(rest).collect()
    };
    hold(&ASKED[start..], &Rc::new(said), usize::from(kind >> 2 & 3));
}

fn hold(asked: &'static [(&str, &str)], said: &Rc<Vec<Said>>, cuts: usize) {
    let place = |request: &Message| asked.iter().position(|(_, text)| text.contains(&request.line[1]));
    let says = said.clone();
    let answers = Rc::new(move |_: usize, request: &Message| {
        let Some(said) = place(request).and_then(|place| says.get(place)) else {
            return Act { pieces: Vec::new(), closes: true };
        };
        Act { pieces: said.pieces(cuts), closes: said.closes }
    });
    let sent: Vec<Vec<u8>> = asked.iter().map(|(_, text)| text.as_bytes().to_vec()).collect();
    let outcome = STAGE.with(|stage| stage.play(&[sent.concat()], answers, |_| true));
    let told = |what: &str| -> String {
        let said: Vec<String> = said
            .iter()
            .map(|s| {
                format!("{} then {} closes {}", s.answer.escape_ascii(), s.excess.escape_ascii(), s.closes)
            })
            .collect();
        format!("{what}\nasked: {asked:?}\nsaid: {said:#?}\ngot:  {}", outcome.got.escape_ascii())
    };
    assert!(outcome.log.faults.is_empty(), "{}", told(&format!("{:?}", outcome.log.faults)));
    // One that was written to a connection that closes in that moment is lost, or sent again where that is safe.
    let places: Vec<usize> = outcome.log.seen.iter().filter_map(place).collect();
    let again = |place: usize| asked[place].0 != "POST";
    let in_order = places.len() == outcome.log.seen.len()
        && places.windows(2).all(|two| two[0] < two[1] || (two[0] == two[1] && again(two[0])));
    assert!(in_order, "{}", told(&format!("asked in another order, or twice: {places:?}")));
    let mut got = &outcome.got[..];
    for (n, (method, _)) in asked.iter().enumerate() {
        if got.is_empty() {
            break;
        }
        let answer = strict::answer(got, method, true)
            .unwrap_or_else(|broken| panic!("{}", told(&format!("answer {n}: {broken:?}"))));
        got = &got[answer.length..];
        assert!(answer.complete || got.is_empty(), "{}", told("an answer goes on behind its fault"));
        assert!(answer.fault.is_none(), "{}", told("a fault in the chunks"));
        let true_to = true_to(&answer, said.get(n), method);
        assert!(true_to.is_ok(), "{}", told(&format!("answer {n}: {true_to:?}")));
    }
    assert!(got.is_empty(), "{}", told("more answers than requests"));
}

/// Whether an answer is sound, and ours or what was said.
fn true_to(got: &Message, said: Option<&Said>, method: &str) -> Result<(), String> {
    let is = |ok: bool, what: &str| if ok { Ok(()) } else { Err(what.to_owned()) };
    for name in ["keep-alive", "proxy-connection", "upgrade"] {
        is(!got.has(name), name)?;
    }
    is(
        got.list("connection").iter().all(|option| option == "close" || option == "keep-alive"),
        "Connection",
    )?;
    is(got.line[1] != "101" && !got.line[1].starts_with('1'), "an interim answer that nobody asked for")?;
    is(!got.all("content-length").iter().any(|length| length.parse::<u64>().is_err()), "a strange length")?;
    if got.has("umbrage-error") {
        return is(["502", "504"].contains(&got.line[1].as_str()) && got.complete, "an answer of our own");
    }
    let Some(said) = said else { return Err("an answer that nobody gave".to_owned()) };
    // What is missing of an answer may stand behind it.
    let Ok(whole) = final_answer(&[&said.answer[..], &said.excess].concat(), method) else {
        // What is broken before its body may have been understood all the same; what it was is not ours to say.
        return Ok(());
    };
    is(got.line[1] == whole.line[1], "another status")?;
    let named = whole.list("connection");
    is(!(got.has("x-hop") && named.contains(&"x-hop".to_owned())), "a field that Connection names")?;
    is(got.all("x-excess") == whole.all("x-excess"), "a field of the excess")?;
    is(got.all("x-said") == whole.all("x-said"), "other fields")?;
    // A chunk whose size has more zeros than we read is one all the same.
    is(whole.fault.is_some() || whole.body.starts_with(&got.body), "another body")?;
    let all_of_it = whole.fault.is_some() || (whole.complete && got.body == whole.body);
    is(!got.complete || all_of_it, "complete, and was not")
}

/// The answer behind the interim ones; in the end every connection is closed.
fn final_answer(mut bytes: &[u8], method: &str) -> Result<Message, Broken> {
    loop {
        let answer = strict::answer(bytes, method, true)?;
        if !answer.line[1].starts_with('1') || answer.line[1] == "101" {
            return Ok(answer);
        }
        bytes = &bytes[answer.length..];
    }
}
