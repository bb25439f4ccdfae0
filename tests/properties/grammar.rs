//! Conversations that a client may start, good and evil: pieces of HTTP/1.1 and of what is nearly that, chosen by bytes, so
//! that a fuzzer's mutations and proptest's shrinking both work on choices and not on letters.

/// Bytes as a row of choices; at their end every choice is the first, and nothing goes on.
pub struct Choices<'a> {
    bytes: &'a [u8],
}

impl<'a> Choices<'a> {
    /// All of them still to be made.
    pub fn new(bytes: &'a [u8]) -> Self {
        Choices { bytes }
    }

    /// Whether any are left.
    pub fn more(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.bytes.split_first().unwrap_or((&0, &[]));
        self.bytes = rest;
        *first
    }

    /// A number below `most`.
    pub fn below(&mut self, most: usize) -> usize {
        usize::from(self.byte()) % most.max(1)
    }

    /// One of several, the first one most of all: half of all bytes mean it.
    pub fn usually<T: Copy>(&mut self, of: &[T]) -> T {
        match self.byte() {
            byte if byte < 128 => of[0],
            byte => of[usize::from(byte - 128) % of.len()],
        }
    }

    /// One of several.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Which parts may be unsound, a bit for each: none, one, or several; most often none, so that conversations go on.
    pub fn evil(&mut self) -> u8 {
        match self.byte() {
            0..208 => 0,
            byte @ 208..240 => 1 << (byte % 8),
            _ => self.byte(),
        }
    }

    /// Something that happens once in so many times, and not when the choices are at their end.
    pub fn rarely(&mut self, once_in: u8) -> bool {
        self.byte() % once_in == once_in - 1
    }
}

const EOL: [&str; 5] = ["\r\n", "\n", "\r", "\r\r\n", "\0\r\n"];
const METHODS: [&str; 16] = [
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "OPTIONS",
    "DELETE",
    "PATCH",
    "TRACE",
    "CONNECT",
    "get",
    "G(T",
    "",
    "PRI",
    "QUERY",
    "GE\tT",
    "GET /s HTTP/1.1\r\nHost:",
];
/// `#` becomes the request's number.
const TARGETS: [&str; 22] = [
    "/r#",
    "/r#?q=1",
    "http://a.example/r#",
    "http://a.example:81/r#?x",
    "*",
    "/r#/../%2e%2e/x",
    "//r#",
    "/r##f",
    "/r# x",
    "r#",
    "http://u@a/r#",
    "http://a.example",
    "https://[::1]:1/r#",
    "ftp://a/r#",
    "?r#",
    "",
    "/r#<>\"`{}|\\^",
    "a:443",
    "/r#\u{e9}",
    "http:///r#",
    "http://a,b/r#",
    "/r#;a=b&c=%00",
];
const VERSIONS: [&str; 11] = [
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/2.0",
    "HTTP/1.2",
    "HTTP/0.9",
    "http/1.1",
    "HTTP/1.1 ",
    "HTTP/1",
    "",
];
const HOSTS: [&str; 18] = [
    "Host: a.example",
    "host: b.example:8080",
    "HOST: [::1]:80",
    "",
    "Host:",
    "Host: a\r\nHost: a",
    "Host: a\r\nHost: b",
    "Host: a@b",
    "Host: a,b",
    "Host: a b",
    "Host: a:99999",
    "Host : a",
    " Host: a",
    "Host: a\r\n b",
    "Host: a/b",
    "Host:\ta\t",
    "Host: a:",
    "Host: xn--\u{e9}",
];
/// What may stand in a head beside that; `#` becomes the request's number.
const FIELDS: [&str; 58] = [
    "X-Id: #",
    "X-Id: \u{e9}\t#",
    "Accept: */*",
    "Cookie: a=#",
    "Connection: keep-alive",
    "Connection: content-length",
    "Connection: transfer-encoding, host",
    "Connection: x-forwarded-for, authorization",
    "Connection: upgrade",
    "Connection: \u{e9}",
    "Keep-Alive: timeout=5",
    "Proxy-Connection: close",
    "TE: trailers",
    "TE: chunked, trailers;q=0.5",
    "TE: gzip",
    "Upgrade: h2c",
    "Upgrade: websocket",
    "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13",
    "Upgrade: TLS/1.0",
    "HTTP2-Settings: AAMAAABkAAQAAP__",
    "Trailer: x-sum",
    "Trailer: content-length, host",
    "Expect: 100-continue",
    "Max-Forwards: 3",
    "Via: 1.0 fred",
    "Forwarded: for=1.2.3.4",
    "X-Forwarded-For: 1.2.3.4",
    "X_Forwarded_For: 1.2.3.4",
    "X-Forwarded-Host: evil",
    "X.Forwarded.Proto: https",
    "umbrage-shadow: 1",
    "Umbrage_Shadow: 1",
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "tracestate: a=b",
    "X-Request-Id: evil",
    "Content-Type: text/plain",
    "Content_Length: 3",
    "Transfer_Encoding: chunked",
    "Transfer.Encoding: chunked",
    "X-Bare: a\nX-Smuggled: b",
    "X-Bare: a\rX-Smuggled: b",
    "X-Nul: a\0b",
    "X-Fold: a\r\n b",
    "X-Fold: a\r\n\tTransfer-Encoding: chunked",
    "\tX-First: a",
    "X-Space : a",
    "X Space: a",
    ": empty",
    "nothing",
    "(x): y",
    "X-Long: ################################################################",
    "Content-Encoding: gzip",
    "X-Del: \x7f",
    "Connection: close",
    "Connection: close, x-id",
    "Expect: a-pony",
    "Max-Forwards: 0",
    "Via: 1.1 umbrage-a1",
];
/// Framings that say one thing; `#` becomes the length of the body.
const LENGTHS: [&str; 24] = [
    "Content-Length: #",
    "content-length:#",
    "Content-Length: #\r\nContent-Length: #",
    "Content-Length: #, #",
    "Content-Length: 0#",
    "Content-Length: #\r\nContent-Length: 1",
    "Content-Length: 0\r\nContent-Length: #",
    "Content-Length: +#",
    "Content-Length: -#",
    "Content-Length: 0x#",
    "Content-Length: # ",
    "Content-Length: #\t",
    "Content-Length: #;",
    "Content-Length: #,",
    "Content-Length: \"#\"",
    "Content-Length: #.0",
    "Content-Length: 18446744073709551616",
    "Content-Length: 9223372036854775807",
    "Content-Length : #",
    "Content-Length: #\r\nTransfer-Encoding: chunked",
    "Content-Length: #\r\nTransfer-Encoding: identity",
    "Content-Length: \u{b}#",
    "Content-Length:\r\n #",
    "Content-Length: 0",
];
const CODINGS: [&str; 24] = [
    "Transfer-Encoding: chunked",
    "transfer-encoding:CHUNKED",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Content-Length: 0\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: cow",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: \u{b}chunked",
    "Transfer-Encoding:\tchunked\t",
    "Transfer-Encoding : chunked",
    " Transfer-Encoding: chunked",
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding:\r\n chunked",
    "X: y\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chun\0ked",
    "Transfer-Encoding: ",
];
/// What bodies hold; `#` becomes the request's number.
const BODIES: [&str; 12] = [
    "body of #",
    "",
    "GET /s# HTTP/1.1\r\nHost: smuggled\r\n\r\n",
    "POST /s# HTTP/1.1\r\nHost: smuggled\r\nContent-Length: 100\r\n\r\n",
    "0\r\n\r\nGET /s# HTTP/1.1\r\nHost: smuggled\r\n\r\n",
    "5\r\nabcde\r\n0\r\n\r\n",
    "\r\n",
    "\r\n\r\nGET /s# HTTP/1.1\r\nX: ",
    "a",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "\0\x01\u{ff}",
    "0",
];
/// A chunk's size line in place of a plain one: `@` is the size in hexadecimal.
const SIZES: [&str; 26] = [
    "@\r\n",
    "0@\r\n",
    "@;x\r\n",
    "@ ;x=\"y\"\r\n",
    "@;x=\"\r\n",
    "@\n",
    "@ \r\n",
    "@\r",
    "+@\r\n",
    "-@\r\n",
    "0x@\r\n",
    "@_\r\n",
    "@;\n\r\n",
    "@;a\rb\r\n",
    "ffffffffffffffff\r\n",
    "1000000000000000@\r\n",
    "@g\r\n",
    " @\r\n",
    "\r\n@\r\n",
    "@;\0\r\n",
    "@\t;a\r\n",
    "\r\n",
    ";\r\n",
    "@,@\r\n",
    "@;\x7f\r\n",
    "00000000000000000@\r\n",
];
/// What follows a chunk's bytes.
const DATA_ENDS: [&str; 6] = ["\r\n", "\n", "", "\r", "\r\n\r\n", "X\r\n"];
/// Last chunks with what follows them.
const LASTS: [&str; 20] = [
    "0\r\n\r\n",
    "0\r\nX-Sum: 1\r\n\r\n",
    "0\r\nContent-Length: 5\r\nHost: evil\r\n\r\n",
    "0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "000\r\n\r\n",
    "0;x\r\n\r\n",
    "0\r\n",
    "",
    "0\n\n",
    "0\r\n\n",
    "0\r\nX : y\r\n\r\n",
    "0\r\n X: y\r\n\r\n",
    "0\r\nnothing\r\n\r\n",
    "0\r\nX: y\n\r\n",
    "0\r\nX: a\rb\r\n\r\n",
    "0\r\nX: \0\r\n\r\n",
    "0 \r\n\r\n",
    "0x0\r\n\r\n",
    "0\r\n\r\n0\r\n\r\n",
    "0\r\nGET /s# HTTP/1.1\r\nHost: smuggled\r\n\r\n",
];

/// What a client sends, in the pieces in which it sends it.
pub fn conversation(choices: &mut Choices<'_>) -> Vec<Vec<u8>> {
    let cuts = choices.below(6);
    let mut bytes = Vec::new();
    for number in 0..8 {
        if number > 0 && !choices.more() {
            break;
        }
        let evil = choices.evil();
        request(choices, number, evil, &mut bytes);
    }
    spoil(choices, &mut bytes);
    cut(&bytes, cuts, choices)
}

/// One request. Its parts are sound but for those that `evil` has a bit for.
fn request(choices: &mut Choices<'_>, number: usize, evil: u8, bytes: &mut Vec<u8>) {
    let mut text = String::new();
    let choose = |choices: &mut Choices<'_>, bit: u8, of: &[&'static str], sound: usize| {
        let among = if evil >> bit & 1 == 1 { of } else { &of[..sound] };
        choices.usually(among)
    };
    text += choose(choices, 0, &["", "\r\n", "\r\n\r\n", "\n", " ", "\r\n\r\n\r\n", "\0"], 3);
    let method = choose(choices, 1, &METHODS, 7);
    let target = choose(choices, 2, &TARGETS, 6);
    let space = choose(choices, 1, &[" ", "  ", "\t"], 1);
    let version = choose(choices, 1, &VERSIONS, 4);
    let eol = choose(choices, 3, &EOL, 1);
    let target = target.replace('#', &number.to_string());
    text += &[method, space, &target, " ", version, eol].concat();
    let mut lines = vec![choose(choices, 2, &HOSTS, 3).to_owned()];
    for _ in 0..choices.usually(&[1, 0, 2, 3, 6]) {
        lines.push(
            choices
                .one(if evil >> 4 & 1 == 1 { &FIELDS } else { &FIELDS[..35] })
                .replace('#', &number.to_string()),
        );
    }
    let (framing, body) = framed(choices, number, evil);
    lines.insert(choices.below(lines.len() + 1), framing);
    for line in lines.iter().filter(|line| !line.is_empty()) {
        text += line;
        text += choose(choices, 3, &EOL, 1);
    }
    text += choose(choices, 3, &EOL, 1);
    bytes.extend(latin(&text));
    bytes.extend(body);
}

/// The framing of a body, and the body in it.
fn framed(choices: &mut Choices<'_>, number: usize, evil: u8) -> (String, Vec<u8>) {
    let pick = |choices: &mut Choices<'_>, bit: u8, of: &[&'static str], sound: usize| {
        choices.usually(if evil >> bit & 1 == 1 { of } else { &of[..sound] })
    };
    let body = choices.one(&BODIES).replace('#', &number.to_string());
    match choices.below(3) {
        0 => (String::new(), if evil >> 5 & 1 == 1 && choices.rarely(4) { latin(&body) } else { Vec::new() }),
        1 => {
            let body = latin(&body);
            let off = if evil >> 5 & 1 == 1 { choices.usually(&[0, 1, -1, 7, -7]) } else { 0 };
            let said = body.len().saturating_add_signed(off);
            (pick(choices, 5, &LENGTHS, 5).replace('#', &said.to_string()), body)
        }
        _ => {
            let mut chunks = Vec::new();
            let body = latin(&body);
            for piece in body.chunks(1 + choices.below(24)) {
                let off = if evil >> 7 & 1 == 1 { choices.usually(&[0, 1, -1]) } else { 0 };
                let size = format!("{:x}", piece.len().saturating_add_signed(off));
                chunks.extend(latin(&pick(choices, 6, &SIZES, 4).replace('@', &size)));
                chunks.extend_from_slice(piece);
                chunks.extend(latin(pick(choices, 7, &DATA_ENDS, 1)));
            }
            chunks.extend(latin(&pick(choices, 6, &LASTS, 6).replace('#', &number.to_string())));
            (pick(choices, 5, &CODINGS, 2).to_owned(), chunks)
        }
    }
}

/// Changes up to two bytes.
fn spoil(choices: &mut Choices<'_>, bytes: &mut Vec<u8>) {
    for _ in 0..2 {
        if bytes.is_empty() || !choices.rarely(8) {
            return;
        }
        let at = (choices.below(256) << 8 | choices.below(256)) % bytes.len();
        let byte = choices.one(b"\r\n\0 :\t;,#\x7f0a");
        match choices.below(3) {
            0 => bytes.insert(at, byte),
            1 => bytes[at] = byte,
            _ => drop(bytes.remove(at)),
        }
    }
}

/// Cuts bytes into pieces at chosen places; every byte by itself at the most.
pub fn cut(bytes: &[u8], cuts: usize, choices: &mut Choices<'_>) -> Vec<Vec<u8>> {
    if cuts == 5 && bytes.len() < 600 {
        return bytes.iter().map(|byte| vec![*byte]).collect();
    }
    let mut places: Vec<usize> =
        (0..cuts).map(|_| (choices.below(256) << 8 | choices.below(256)) % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|two| bytes[two[0]..two[1]].to_vec()).filter(|piece| !piece.is_empty()).collect()
}

/// The text with one byte for each character, as in ISO 8859-1.
pub fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect()
}

/// The rest as it is, but for the places where it is cut.
pub fn raw(choices: &mut Choices<'_>) -> Vec<Vec<u8>> {
    let cuts = choices.below(6);
    let (places, bytes) = choices.bytes.split_at((2 * cuts).min(choices.bytes.len()));
    choices.bytes = &[];
    cut(bytes, cuts, &mut Choices::new(places))
}

const STATUSES: [&str; 20] = [
    "HTTP/1.1 200 OK",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 304 Not Modified",
    "HTTP/1.1 500 ",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 404 \u{e9}",
    "HTTP/1.1 200",
    "HTTP/1.1 101 Switching Protocols",
    "HTTP/1.1 099 x",
    "HTTP/1.1 1000 x",
    "HTTP/1.1 20 x",
    "HTTP/1.1  200 OK",
    "HTTP/2.0 200 OK",
    "HTTP/1.1\t200 OK",
    "ICY 200 OK",
    "http/1.1 200 OK",
    "HTTP/1.1 999 x",
    "HTTP/1.1 205 Reset Content",
    "",
    "HTTP/1.1 200 O\0K",
];
const INTERIM: [&str; 5] = [
    "",
    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 199 x\r\nTransfer-Encoding: chunked\r\n\r\n",
];
const ANSWER_FIELDS: [&str; 22] = [
    "X-Said: #",
    "X-Said: \u{e9}",
    "Content-Type: text/plain",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: x-hop\r\nX-Hop: 1",
    "Keep-Alive: timeout=5",
    "Proxy-Connection: close",
    "Upgrade: h2c",
    "Connection: upgrade\r\nUpgrade: websocket",
    "Trailer: x-sum",
    "Set-Cookie: a=b",
    "Via: 1.1 x",
    "X-Said: a\r\n b",
    "X-Said: a\nX-Hop: b",
    "X-Said: a\rb",
    "X-Said: \0",
    "X-Said : a",
    " X-Said: a",
    ": a",
    "nothing",
    "X-Said: \x7f",
];
const EXCESSES: [&str; 6] = [
    "",
    "HTTP/1.1 200 OK\r\nX-Excess: 1\r\nContent-Length: 6\r\n\r\nexcess",
    "excess",
    "\r\n",
    "0\r\n\r\nHTTP/1.1 200 OK\r\nX-Excess: 1\r\n\r\n",
    "HTTP/1.1 100 Continue\r\nX-Excess: 1\r\n\r\n",
];

/// A backend's answer to a request with this method, and what it sends behind it.
pub fn answer(choices: &mut Choices<'_>, method: &str) -> (Vec<u8>, Vec<u8>) {
    let evil = choices.evil();
    let pick = |choices: &mut Choices<'_>, bit: u8, of: &[&'static str], sound: usize| {
        choices.usually(if evil >> bit & 1 == 1 { of } else { &of[..sound] })
    };
    let mut text = choices.usually(&INTERIM).to_owned();
    let status = pick(choices, 1, &STATUSES, 6);
    text += status;
    text += pick(choices, 3, &EOL, 1);
    let mut lines = Vec::new();
    for _ in 0..choices.below(4) {
        lines.push(
            choices
                .one(if evil >> 4 & 1 == 1 { &ANSWER_FIELDS } else { &ANSWER_FIELDS[..13] })
                .replace('#', "1"),
        );
    }
    let (framing, body) = framed(choices, 1, evil);
    lines.insert(choices.below(lines.len() + 1), framing);
    for line in lines.iter().filter(|line| !line.is_empty()) {
        text += line;
        text += pick(choices, 3, &EOL, 1);
    }
    text += pick(choices, 3, &EOL, 1);
    let bodiless = method == "HEAD" || status.contains(" 204 ") || status.contains(" 304 ");
    let mut bytes = latin(&text);
    if !bodiless {
        bytes.extend(body);
    }
    spoil(choices, &mut bytes);
    (bytes, latin(choices.usually(&EXCESSES)))
}
