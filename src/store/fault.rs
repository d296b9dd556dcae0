//! What can go wrong with a database server.

/// Why a database server cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its address or a file that the address names cannot be used.
    Address,
    /// It does not answer, or the connection broke.
    Unreachable,
    /// It did not answer in time.
    Slow,
    /// Its certificate or the TLS handshake was refused.
    Tls,
    /// It refuses the user, the password or the database.
    Login,
    /// It has no connection left, is starting or is shutting down.
    Busy,
    /// It takes no changes.
    ReadOnly,
    /// Its disk or its memory is full.
    Full,
    /// The role may not do this.
    Privileges,
    /// It would confirm changes that are not on disk.
    NotDurable,
    /// The schema to use does not exist.
    NoSchema,
    /// The schema holds no inventory.
    NoInventory,
    /// The schema holds the inventory of another CA.
    OtherAuthority,
    /// The connection broke while a change was committed, and the server cannot be asked whether it was.
    Unconfirmed,
    /// It refuses for another reason.
    Other,
}

impl Fault {
    /// The error's stable name, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Fault::Address => "store-address",
            Fault::Unreachable => "store-unreachable",
            Fault::Slow => "store-slow",
            Fault::Tls => "store-tls",
            Fault::Login => "store-login",
            Fault::Busy => "store-busy",
            Fault::ReadOnly => "inventory-read-only",
            Fault::Full => "inventory-full",
            Fault::Privileges => "store-privileges",
            Fault::NotDurable => "store-not-durable",
            Fault::NoSchema => "store-schema",
            Fault::NoInventory => "inventory-missing",
            Fault::OtherAuthority => "store-other-authority",
            Fault::Unconfirmed => "store-unconfirmed",
            Fault::Other => "store-error",
        }
    }

    /// How to fix it.
    pub fn hint(self) -> &'static str {
        match self {
            Fault::Address => {
                "write it as `postgres://USER@HOST/DATABASE?sslmode=verify-full`, or `postgres:///DATABASE?host=/run/postgresql` for a Unix socket"
            }
            Fault::Unreachable => {
                "check that PostgreSQL runs and accepts connections there, then try again"
            }
            Fault::Slow => "see what it is waiting for in pg_stat_activity, then try again",
            Fault::Tls => {
                "give the CA of the server's certificate with `sslrootcert=FILE`, and the host name that the certificate contains"
            }
            Fault::Login => {
                "give the password in PGPASSWORD or ~/.pgpass (mode 0600), and check the user, the database and pg_hba.conf"
            }
            Fault::Busy => "try again in a moment, or raise max_connections",
            Fault::ReadOnly => {
                "connect to the primary (`target_session_attrs=read-write` with several hosts), or end its read-only mode"
            }
            Fault::Full => "free space on the server's disk; nothing has changed",
            Fault::Privileges => {
                "run the command once as the owner of the schema; afterwards a role needs USAGE on the schema, and SELECT, INSERT, UPDATE and DELETE on its tables"
            }
            Fault::NotDurable => {
                "remove `synchronous_commit = off` from the server, database and role: a certificate is recorded before it is released"
            }
            Fault::NoSchema => {
                "create it with `CREATE SCHEMA NAME`, and check `search_path` and the role's USAGE on it"
            }
            Fault::NoInventory => {
                "create the CA with `openagents-certs ca init`, or copy its inventory there with `openagents-certs store copy`"
            }
            Fault::OtherAuthority => {
                "copy that CA's ca.crt and ca.key here to use it on this machine too; another CA needs a schema of its own, chosen with `?options=-csearch_path%3DNAME`"
            }
            Fault::Unconfirmed => {
                "see with `openagents-certs list` what was recorded, once PostgreSQL answers again"
            }
            Fault::Other => "see the server's log",
        }
    }
}
