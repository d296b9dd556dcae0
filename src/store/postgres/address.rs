//! Where a PostgreSQL server is, as libpq says it: a URL, its variables and its password file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::super::{Fault, StoreError};

/// Looks up a variable of the environment.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A server, a database in it, and how to connect.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) security: Security,
    /// Without the password, for messages.
    pub(super) shown: String,
}

/// How the connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Security {
    /// What is checked of the server's certificate, if TLS is used.
    pub(super) check: Check,
    /// The file of the CAs to trust; those of the system when there is none.
    pub(super) roots: Option<PathBuf>,
    /// The files of the client's certificate and key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

/// What is checked of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Nothing.
    Nothing,
    /// That a trusted CA issued it.
    Chain,
    /// That it is of this host as well.
    Host,
}

impl Address {
    /// Reads a URL.
    pub(super) fn read(url: &str, variables: Variables<'_>) -> Result<Self, StoreError> {
        let invalid = |what: String| StoreError::Server {
            store: without_password(url),
            fault: Fault::Address,
            what,
        };
        let scheme = ["postgres://", "postgresql://"];
        let rest = scheme.iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| invalid("is not the URL of a PostgreSQL database".into()))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut own = Own::default();
        let mut theirs = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter
                .split_once('=')
                .ok_or_else(|| invalid(format!("'{parameter}' has no value")))?;
            if !own.take(name, value) {
                theirs.push(parameter.to_owned());
            }
        }
        let has_host = theirs
            .iter()
            .any(|parameter| parameter.starts_with("host="));
        let place = if has_host {
            without_host(place, &mut theirs)
        } else {
            place.to_owned()
        };
        let mut plain = format!("postgres://{place}");
        if !theirs.is_empty() {
            plain = format!("{plain}?{}", theirs.join("&"));
        }
        let mut config: Config = plain.parse().map_err(|error: tokio_postgres::Error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            invalid(cause.unwrap_or_else(|| error.to_string()))
        })?;
        complete(&mut config, &own, variables);
        let security = own.security(&mut config, variables).map_err(invalid)?;
        let mut address = Address {
            shown: shown(&config),
            config,
            security,
        };
        address.find_password(&own, variables);
        Ok(address)
    }

    /// The password of the environment or the password file, unless the URL has one.
    fn find_password(&mut self, own: &Own, variables: Variables<'_>) {
        if self.config.get_password().is_some() {
            return;
        }
        if let Some(password) = variables("PGPASSWORD") {
            self.config.password(password);
            return;
        }
        let file = own.passfile.clone().or_else(|| variables("PGPASSFILE"));
        let file = file
            .map(PathBuf::from)
            .or_else(|| in_home(".pgpass", variables));
        // As libpq: a file that others can read is ignored, so that nobody relies on it.
        if let Some(text) = file
            .as_deref()
            .filter(|file| is_private(file))
            .and_then(text_of)
        {
            let hosts = hosts(&self.config);
            let port = self
                .config
                .get_ports()
                .first()
                .copied()
                .unwrap_or(DEFAULT_PORT);
            let user = self.config.get_user().unwrap_or_default();
            let database = self.config.get_dbname().unwrap_or(user);
            let wanted = [&port.to_string(), database, user];
            if let Some(password) = password_in(&text, &hosts, wanted) {
                self.config.password(password);
            }
        }
    }
}

/// The parameters of a URL that tokio-postgres does not know.
#[derive(Default)]
struct Own {
    sslmode: Option<String>,
    sslrootcert: Option<String>,
    sslcert: Option<String>,
    sslkey: Option<String>,
    passfile: Option<String>,
    search_path: Option<String>,
}

impl Own {
    /// Whether it is one of them.
    fn take(&mut self, name: &str, value: &str) -> bool {
        let field = match name {
            "sslmode" => &mut self.sslmode,
            "sslrootcert" => &mut self.sslrootcert,
            "sslcert" => &mut self.sslcert,
            "sslkey" => &mut self.sslkey,
            "passfile" => &mut self.passfile,
            "search_path" => &mut self.search_path,
            _ => return false,
        };
        *field = Some(decoded(value));
        true
    }

    fn security(&self, config: &mut Config, variables: Variables<'_>) -> Result<Security, String> {
        let given = |own: &Option<String>, name| own.clone().or_else(|| variables(name));
        let roots = given(&self.sslrootcert, "PGSSLROOTCERT").map(PathBuf::from);
        let file = |given: Option<String>, name: &str| {
            let usual = || in_home(&format!(".postgresql/{name}"), variables);
            let is_there = |path: &PathBuf| path.exists();
            given
                .map(PathBuf::from)
                .or_else(|| usual().filter(is_there))
        };
        let certificate = file(given(&self.sslcert, "PGSSLCERT"), "postgresql.crt");
        let key = file(given(&self.sslkey, "PGSSLKEY"), "postgresql.key");
        let mode = given(&self.sslmode, "PGSSLMODE");
        let (mode, check) = match mode.as_deref() {
            Some("disable") => (SslMode::Disable, Check::Nothing),
            // As libpq: whoever names the CAs means them to be checked.
            Some("require") if roots.is_some() => (SslMode::Require, Check::Chain),
            Some("require") => (SslMode::Require, Check::Nothing),
            Some("allow" | "prefer") => (SslMode::Prefer, Check::Nothing),
            Some("verify-ca") => (SslMode::Require, Check::Chain),
            Some("verify-full") => (SslMode::Require, Check::Host),
            None if is_local(config) => (SslMode::Prefer, Check::Nothing),
            None => (SslMode::Require, Check::Host),
            Some(other) => {
                return Err(format!(
                    "there is no sslmode '{other}', but disable, prefer, require, verify-ca and verify-full"
                ));
            }
        };
        let is_socket = |host: &Host| matches!(host, Host::Unix(_));
        // There is no TLS over a Unix socket, whatever is asked for.
        let all_sockets = config.get_hosts().iter().all(is_socket);
        config.ssl_mode(if all_sockets { SslMode::Disable } else { mode });
        let roots = match roots {
            Some(system) if system == Path::new("system") => None,
            None => file(None, "root.crt"),
            given => given,
        };
        Ok(Security {
            check,
            roots,
            identity: certificate.zip(key),
        })
    }
}

/// What the URL leaves open: from libpq's variables, and what keeps a broken connection from being waited for.
fn complete(config: &mut Config, own: &Own, variables: Variables<'_>) {
    if config.get_hosts().is_empty() {
        let host = variables("PGHOST").unwrap_or_else(|| "/var/run/postgresql".into());
        config.host(host);
        if let Some(port) = variables("PGPORT").and_then(|port| port.parse().ok()) {
            config.port(port);
        }
    }
    if config.get_user().is_none()
        && let Some(user) = variables("PGUSER").or_else(|| variables("USER"))
    {
        config.user(user);
    }
    if config.get_dbname().is_none()
        && let Some(database) = variables("PGDATABASE")
    {
        config.dbname(database);
    }
    let options = config.get_options().map(str::to_owned);
    let path = own.search_path.as_ref();
    let path = path.map(|path| {
        format!(
            "-csearch_path={}",
            path.replace('\\', r"\\").replace(' ', r"\ ")
        )
    });
    let options: Vec<_> = options
        .or_else(|| variables("PGOPTIONS"))
        .into_iter()
        .chain(path)
        .collect();
    if !options.is_empty() {
        config.options(options.join(" "));
    }
    if config.get_application_name().is_none() {
        config.application_name("openagents-certs");
    }
    config.connect_timeout(CONNECT_TIME);
    config.tcp_user_timeout(CONNECT_TIME * 2);
    config.keepalives_idle(CONNECT_TIME * 2);
}

/// A user, host and database without the host, whose port becomes a parameter.
fn without_host(place: &str, parameters: &mut Vec<String>) -> String {
    let (user, place) = match place.rsplit_once('@') {
        Some((user, place)) => (format!("{user}@"), place),
        None => (String::new(), place),
    };
    let (host, database) = place.split_once('/').unwrap_or((place, ""));
    let has_port = parameters
        .iter()
        .any(|parameter| parameter.starts_with("port="));
    if let Some((_, port)) = host.rsplit_once(':').filter(|_| !has_port) {
        parameters.push(format!("port={port}"));
    }
    format!("{user}/{database}")
}

/// Whether all hosts are this machine.
fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
    })
}

/// The hosts as the password file names them.
fn hosts(config: &Config) -> Vec<String> {
    let mut hosts = Vec::new();
    for host in config.get_hosts() {
        match host {
            Host::Tcp(name) => hosts.push(name.clone()),
            Host::Unix(path) => {
                hosts.push(path.to_string_lossy().into_owned());
                hosts.push("localhost".into());
            }
        }
    }
    hosts
}

/// The address for messages.
fn shown(config: &Config) -> String {
    let user = config
        .get_user()
        .map(|user| format!("{user}@"))
        .unwrap_or_default();
    let database = config.get_dbname().unwrap_or_default();
    let ports = config.get_ports();
    let port = |i: usize| match ports.get(i).or(ports.first()) {
        Some(&port) if port != DEFAULT_PORT => format!(":{port}"),
        Some(_) | None => String::new(),
    };
    let mut names = Vec::new();
    let mut socket = String::new();
    for (i, host) in config.get_hosts().iter().enumerate() {
        match host {
            Host::Tcp(name) if name.contains(':') => names.push(format!("[{name}]{}", port(i))),
            Host::Tcp(name) => names.push(format!("{name}{}", port(i))),
            Host::Unix(path) => {
                names.push(port(i));
                socket = format!("?host={}", path.display());
            }
        }
    }
    format!("postgres://{user}{}/{database}{socket}", names.join(","))
}

/// A URL that could not be read, for messages.
fn without_password(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(place, _)| place);
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://…@{place}"),
        (Some(_), None) => url.to_owned(),
        // Whatever it is: it may be a secret.
        (None, _) => "the store's URL".into(),
    }
}

/// The password of the first line that fits: of a host, and of a port, database and user.
fn password_in(text: &str, hosts: &[String], wanted: [&str; 3]) -> Option<String> {
    text.lines().find_map(|line| {
        let fields = fields(line)?;
        let fits = |field: &str, value: &str| field == "*" || field == value;
        let is_host = hosts.iter().any(|host| fits(&fields[0], host));
        let mut others = fields[1..4].iter().zip(wanted);
        (is_host && others.all(|(field, value)| fits(field, value))).then(|| fields[4].clone())
    })
}

/// The five fields of a line, between colons, where a backslash keeps what follows it.
fn fields(line: &str) -> Option<[String; 5]> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields: [String; 5] = Default::default();
    let mut current = 0;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => fields[current].extend(characters.next()),
            ':' if current < 4 => current += 1,
            other => fields[current].push(other),
        }
    }
    (current == 4).then_some(fields)
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            Some(_) | None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn in_home(name: &str, variables: Variables<'_>) -> Option<PathBuf> {
    Some(Path::new(&variables("HOME")?).join(name))
}

fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 == 0)
}

/// The text of a file of libpq's.
#[expect(
    clippy::disallowed_methods,
    reason = "libpq's files are none of an authority's"
)]
fn text_of(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// How long to wait for a connection.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(3);
const DEFAULT_PORT: u16 = 5432;

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    fn read(url: &str) -> Address {
        Address::read(url, &none).unwrap()
    }

    #[test]
    fn a_remote_host_is_verified_and_a_local_one_need_not_be() {
        let check = |url: &str| {
            let address = read(url);
            (address.config.get_ssl_mode(), address.security.check)
        };
        let full = (SslMode::Require, Check::Host);
        assert_eq!(check("postgres://a@db.example/certs"), full);
        assert_eq!(check("postgres://a@db.example/c?sslmode=verify-full"), full);
        let prefer = (SslMode::Prefer, Check::Nothing);
        assert_eq!(check("postgres://a@127.0.0.1/certs"), prefer);
        let chain = (SslMode::Require, Check::Chain);
        assert_eq!(check("postgres://a@h/c?sslmode=verify-ca"), chain);
        assert_eq!(
            check("postgres://a@h/c?sslmode=require&sslrootcert=/r"),
            chain
        );
        let off = (SslMode::Disable, Check::Nothing);
        assert_eq!(check("postgresql://a@h/c?sslmode=disable"), off);
        assert_eq!(check("postgres:///c?host=/run").0, SslMode::Disable);
        let refused = Address::read("postgres://a:secret@h/c?sslmode=maybe", &none);
        let message = refused.unwrap_err().to_string();
        assert!(
            message.contains("maybe") && !message.contains("secret"),
            "{message}"
        );
    }

    #[test]
    fn the_host_of_the_query_counts_and_the_password_is_never_shown() {
        let address = read("postgres://joe:secret@other:5433/certs?host=/run/pg");
        assert_eq!(address.config.get_hosts(), [Host::Unix("/run/pg".into())]);
        assert_eq!(address.config.get_ports(), [5433]);
        assert_eq!(address.shown, "postgres://joe@:5433/certs?host=/run/pg");
        assert_eq!(read("postgres://j:secret@h/c").shown, "postgres://j@h/c");
        assert!(!format!("{:?}", read("postgres://j:secret@h/c")).contains("secret"));
        for bad in [
            "secret",
            "mysql://u:secret@h/d",
            "postgres://u:secret@h:x/d",
        ] {
            let message = Address::read(bad, &none).unwrap_err().to_string();
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn a_search_path_is_an_option_of_the_connection() {
        let options = |url: &str| read(url).config.get_options().map(str::to_owned);
        assert_eq!(
            options("postgres://h/c?search_path=team"),
            Some("-csearch_path=team".into())
        );
        assert_eq!(
            options("postgres://h/c?options=-csearch_path%3Dx"),
            Some("-csearch_path=x".into())
        );
    }

    #[test]
    fn the_password_file_is_read_as_libpq_does() {
        let text = "# note\nbroken\nh:5432:db:joe:a\\:b\\\\c\n*:*:*:joe:other\n";
        let of = |host: &str, user| password_in(text, &[host.to_owned()], ["5432", "db", user]);
        assert_eq!(of("h", "joe").as_deref(), Some("a:b\\c"));
        assert_eq!(of("x", "joe").as_deref(), Some("other"));
        assert_eq!(of("h", "eve"), None);
    }
}
