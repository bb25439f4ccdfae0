//! A strict reader of HTTP/1.1, written from RFC 9110 and RFC 9112 and with nothing in common with the proxy's: what it reads
//! is beyond doubt, and what it does not like it says.

/// Names (as written) and values (without the whitespace around them), in order.
pub type Fields = Vec<(String, Vec<u8>)>;

/// Why there is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// What is there may yet become one.
    Incomplete,
    /// It is none.
    Bad(String),
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body, and no word of one.
    Nothing,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Up to the end of the connection.
    Close,
}

/// A request or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The three words of the first line.
    pub line: [String; 3],
    /// The fields of its head.
    pub fields: Fields,
    /// What the fields say of its body.
    pub framing: Framing,
    /// The body without its framing; of an incomplete one, what came.
    pub body: Vec<u8>,
    /// Whether the body came to its end.
    pub complete: bool,
    /// What is wrong with the body, if it is not merely unfinished.
    pub fault: Option<String>,
    /// The fields behind a chunked body.
    pub trailers: Fields,
    /// Bytes of it, head and body.
    pub length: usize,
}

impl Message {
    /// Every value of a field, as text.
    pub fn all(&self, name: &str) -> Vec<String> {
        let of_it = self.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        of_it.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// Whether there is such a field.
    pub fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    /// The members of a list field, lower case.
    pub fn list(&self, name: &str) -> Vec<String> {
        let lines = self.all(name);
        lines.iter().flat_map(|line| line.split(',')).map(|word| word.trim().to_ascii_lowercase()).collect()
    }
}

fn bad<T>(what: impl Into<String>) -> Result<T, Broken> {
    Err(Broken::Bad(what.into()))
}

/// Reads one request at the beginning of `bytes`; up to two empty lines before it are passed over.
pub fn request(bytes: &[u8]) -> Result<Message, Broken> {
    let mut empty = 0;
    while empty < 4 && bytes[empty..].starts_with(b"\r\n") {
        empty += 2;
    }
    let (lines, head) = head(&bytes[empty..])?;
    let words: Vec<&str> = lines[0].split(' ').collect();
    let [method, target, version] = words[..] else { return bad("a request line of other than three words") };
    if !is_token(method.as_bytes()) {
        return bad(format!("method {method:?}"));
    }
    if target.is_empty() || target.bytes().any(|b| !(0x21..0x7f).contains(&b) || b == b'#') {
        return bad(format!("target {target:?}"));
    }
    if version != "HTTP/1.1" && version != "HTTP/1.0" {
        return bad(format!("version {version:?}"));
    }
    let fields = fields(&lines[1..])?;
    let framing = framing(&fields)?;
    if version == "HTTP/1.0" && framing == Framing::Chunked {
        return bad("chunks in HTTP/1.0");
    }
    let line = [method, target, version].map(str::to_owned);
    Ok(with_body(line, fields, framing, bytes, empty + head))
}

/// Reads one answer to a request with this method; `ended` if no more bytes will come.
pub fn answer(bytes: &[u8], method: &str, ended: bool) -> Result<Message, Broken> {
    let (lines, head) = head(bytes)?;
    let mut words = lines[0].splitn(3, ' ');
    let (version, status) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let Some(reason) = words.next() else { return bad("a status line without a reason's space") };
    if version != "HTTP/1.1" && version != "HTTP/1.0" {
        return bad(format!("version {version:?}"));
    }
    if status.len() != 3
        || !status.bytes().all(|b| b.is_ascii_digit())
        || !(b'1'..=b'9').contains(&status.as_bytes()[0])
    {
        return bad(format!("status {status:?}"));
    }
    let fields = fields(&lines[1..])?;
    let mut framing = framing(&fields)?;
    let bodiless = method == "HEAD" || status.starts_with('1') || status == "204" || status == "304";
    if bodiless {
        framing = Framing::Nothing;
    } else if framing == Framing::Nothing {
        framing = Framing::Close;
    }
    let line = [version, status, reason].map(str::to_owned);
    let mut message = with_body(line, fields, framing, bytes, head);
    if framing == Framing::Close {
        message.complete = ended;
    }
    Ok(message)
}

/// The lines of a head, each without its end, and how many bytes they take.
fn head(bytes: &[u8]) -> Result<(Vec<String>, usize), Broken> {
    let mut lines = Vec::new();
    let mut at = 0;
    loop {
        let mut end = at;
        while end < bytes.len() && (bytes[end] == b'\t' || !bytes[end].is_ascii_control()) {
            end += 1;
        }
        match bytes[end..] {
            [] | [b'\r'] => return Err(Broken::Incomplete),
            [b'\r', b'\n', ..] => {}
            _ => return bad(format!("byte {:#x} in a head", bytes[end])),
        }
        if end == at {
            return if lines.is_empty() {
                bad("an empty line for a first line")
            } else {
                Ok((lines, end + 2))
            };
        }
        // Bytes beyond ASCII are kept one for one.
        lines.push(bytes[at..end].iter().map(|b| char::from(*b)).collect());
        at = end + 2;
    }
}

fn fields(lines: &[String]) -> Result<Fields, Broken> {
    let mut fields = Fields::new();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            return bad(format!("a field without a colon: {line:?}"));
        };
        if !is_token(name.as_bytes()) {
            return bad(format!("field name {name:?}"));
        }
        let value =
            value.trim_matches([' ', '\t']).chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
        fields.push((name.to_owned(), value));
    }
    Ok(fields)
}

/// RFC 9112 section 6.3, without its lenience: one framing at most.
fn framing(fields: &Fields) -> Result<Framing, Broken> {
    let values = |name: &str| -> Vec<String> {
        let of_it = fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        of_it.map(|(_, value)| value.iter().map(|b| char::from(*b)).collect()).collect()
    };
    let (codings, lengths) = (values("transfer-encoding"), values("content-length"));
    match (&codings[..], &lengths[..]) {
        ([], []) => Ok(Framing::Nothing),
        ([], lengths) => {
            let numbers: Vec<Option<u64>> = lengths.iter().flat_map(|l| l.split(',')).map(number).collect();
            match numbers[0] {
                Some(length) if numbers.iter().all(|n| *n == Some(length)) => Ok(Framing::Length(length)),
                _ => bad(format!("Content-Length {lengths:?}")),
            }
        }
        ([coding], []) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        (codings, lengths) => bad(format!("Transfer-Encoding {codings:?} with Content-Length {lengths:?}")),
    }
}

fn number(text: &str) -> Option<u64> {
    let text = text.trim_matches([' ', '\t']);
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse::<i64>().ok().filter(|_| digits).and_then(|n| u64::try_from(n).ok())
}

fn with_body(line: [String; 3], fields: Fields, framing: Framing, bytes: &[u8], head: usize) -> Message {
    let rest = &bytes[head..];
    let mut message = Message {
        line,
        fields,
        framing,
        body: Vec::new(),
        complete: true,
        fault: None,
        trailers: Fields::new(),
        length: head,
    };
    match framing {
        Framing::Nothing => {}
        Framing::Length(length) => {
            let taken = usize::try_from(length).map_or(rest.len(), |length| length.min(rest.len()));
            message.body = rest[..taken].to_vec();
            message.complete = taken as u64 == length;
            message.length += taken;
        }
        Framing::Chunked => {
            let (taken, end) = chunks(rest, &mut message.body, &mut message.trailers);
            message.length += taken;
            message.complete = end.is_ok();
            message.fault = match end {
                Err(Broken::Bad(what)) => Some(what),
                _ => None,
            };
        }
        Framing::Close => {
            message.body = rest.to_vec();
            message.length += rest.len();
        }
    }
    message
}

/// RFC 9112 section 7.1: the bytes that were taken, and whether they are a whole chunked body.
fn chunks(bytes: &[u8], body: &mut Vec<u8>, trailers: &mut Fields) -> (usize, Result<(), Broken>) {
    let mut at = 0;
    loop {
        let (size, data) = match chunk_size(&bytes[at..]) {
            Ok((size, taken)) => (size, at + taken),
            Err(broken) => return (at, Err(broken)),
        };
        if size == 0 {
            return match trailer_section(&bytes[data..]) {
                Ok((fields, taken)) => {
                    *trailers = fields;
                    (data + taken, Ok(()))
                }
                Err(broken) => (data, Err(broken)),
            };
        }
        let here = usize::try_from(size).map_or(bytes.len() - data, |size| size.min(bytes.len() - data));
        body.extend_from_slice(&bytes[data..data + here]);
        if (here as u64) < size {
            return (bytes.len(), Err(Broken::Incomplete));
        }
        match &bytes[data + here..] {
            [b'\r', b'\n', ..] => at = data + here + 2,
            [] | [b'\r'] => return (bytes.len(), Err(Broken::Incomplete)),
            _ => return (data + here, bad("no line end behind a chunk")),
        }
    }
}

/// A chunk's size, and the bytes of its line with its end.
fn chunk_size(bytes: &[u8]) -> Result<(u64, usize), Broken> {
    let Some(lf) = bytes.iter().position(|b| *b == b'\n') else {
        let digits = bytes.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        return match bytes.get(digits) {
            Some(b) if digits == 0 || !b"\r; \t".contains(b) => bad("no chunk size"),
            _ => Err(Broken::Incomplete),
        };
    };
    let Some(line) = bytes[..lf].strip_suffix(b"\r") else {
        return bad("a chunk size line that ends in LF alone");
    };
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let extension = line[digits..].trim_ascii_start();
    if digits == 0 || digits > 16 || !(line.len() == digits || extension.starts_with(b";")) {
        return bad(format!("chunk size {:?}", String::from_utf8_lossy(line)));
    }
    if extension.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
        return bad("a control character in a chunk extension");
    }
    let size = line[..digits]
        .iter()
        .fold(0_u64, |size, digit| size << 4 | u64::from(char::from(*digit).to_digit(16).unwrap_or(0)));
    Ok((size, lf + 1))
}

fn trailer_section(bytes: &[u8]) -> Result<(Fields, usize), Broken> {
    if bytes.starts_with(b"\r\n") {
        return Ok((Fields::new(), 2));
    }
    if matches!(bytes, [] | [b'\r']) {
        return Err(Broken::Incomplete);
    }
    let (lines, length) = head(bytes)?;
    Ok((fields(&lines)?, length))
}

/// RFC 9110 section 5.6.2.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}
