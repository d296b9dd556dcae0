//! An HTTP/1.1 request as bytes ([RFC 9112](https://www.rfc-editor.org/rfc/rfc9112)), read so strictly that no two readers
//! find different requests in it.

/// A request with its head in lines.
#[derive(Debug)]
pub(super) struct Request {
    method: String,
    target: String,
    scheme: String,
    /// Names in lower case, and values without white space around them.
    fields: Vec<(String, String)>,
    /// The head as it was given, without the empty line; each line with its end.
    head: String,
    line_end: &'static str,
    body: Vec<u8>,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// What keeps it from being one, as a clause.
    pub(super) fn read(bytes: &[u8], scheme: &str) -> Result<Self, String> {
        let end = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or("it is not an HTTP/1.1 request")?;
        let line_end = if bytes[..end].ends_with(b"\r") {
            "\r\n"
        } else {
            "\n"
        };
        let blank = [line_end, line_end].concat();
        let head_length = bytes
            .windows(blank.len())
            .position(|window| window == blank.as_bytes())
            .ok_or("its head has no end")?;
        let (head, rest) = bytes.split_at(head_length + line_end.len());
        let head = std::str::from_utf8(head).map_err(|_| "its head is not UTF-8")?;
        let mut lines = head.split_terminator(line_end);
        let request_line = lines.next().unwrap_or_default();
        let mut words = request_line.split(' ');
        let (Some(method), Some(target), Some("HTTP/1.1"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err("it does not begin with METHOD TARGET HTTP/1.1".into());
        };
        let is_visible = target.bytes().all(|b| b.is_ascii_graphic());
        if !is_token(method) || !is_visible || !(target.starts_with('/') || target == "*") {
            return Err("its method or target is not supported".into());
        }
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            scheme: scheme.to_ascii_lowercase(),
            fields: lines.map(field).collect::<Result<_, _>>()?,
            head: head.to_owned(),
            line_end,
            body: rest[line_end.len()..].to_vec(),
        };
        request.check_framing()?;
        Ok(request)
    }

    /// Adds a header field at the end of the head.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        let line = [name, ": ", value, self.line_end].concat();
        self.head.push_str(&line);
        self.fields
            .push((name.to_ascii_lowercase(), value.to_owned()));
    }

    /// The request with what was added.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        [self.head.as_bytes(), self.line_end.as_bytes(), &self.body].concat()
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn has_body(&self) -> bool {
        !self.body.is_empty()
    }

    /// The value of a header field, several ones combined (RFC 9421 §2.1); the name in lower case.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.values(name).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The value of a component (RFC 9421 §2.1 and §2.2).
    pub(super) fn component(&self, name: &str) -> Option<String> {
        let host = || self.field("host").unwrap_or_default();
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        Some(match name {
            "@method" => self.method.clone(),
            "@target-uri" => format!("{}://{}{}", self.scheme, host(), self.target),
            "@authority" => {
                let host = host().to_ascii_lowercase();
                let default = if self.scheme == "https" {
                    ":443"
                } else {
                    ":80"
                };
                host.strip_suffix(default).unwrap_or(&host).to_owned()
            }
            "@scheme" => self.scheme.clone(),
            "@request-target" => self.target.clone(),
            "@path" => path.to_owned(),
            "@query" => format!("?{query}"),
            name if name.starts_with('@') => return None,
            name => return self.field(name),
        })
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let fields = self.fields.iter().filter(move |(one, _)| one == name);
        fields.map(|(_, value)| value.as_str())
    }

    /// Where the body ends must be beyond doubt.
    fn check_framing(&self) -> Result<(), String> {
        let hosts: Vec<&str> = self.values("host").collect();
        let is_host = |host: &str| {
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic() && b != b',')
        };
        if hosts.len() != 1 || !is_host(hosts[0]) {
            return Err("it has no Host, or more than one".into());
        }
        if self.values("transfer-encoding").next().is_some() {
            return Err("it has a Transfer-Encoding".into());
        }
        let lengths: Vec<&str> = self.values("content-length").collect();
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let length = match lengths[..] {
            [] => Some(0),
            [text] if is_number(text) => text.parse().ok(),
            _ => None,
        };
        if length == Some(self.body.len()) {
            Ok(())
        } else {
            Err("its Content-Length is not the length of its body".into())
        }
    }
}

fn field(line: &str) -> Result<(String, String), String> {
    let (name, value) = line
        .split_once(':')
        .ok_or("a line of its head is not a field")?;
    let is_text = value.chars().all(|c| c == '\t' || !c.is_control());
    if !is_token(name) || !is_text {
        return Err("a line of its head is not a field, or is folded".into());
    }
    let value = value.trim_matches([' ', '\t']).to_owned();
    Ok((name.to_ascii_lowercase(), value))
}

fn is_token(text: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_token)
}
