//! A subordinate CA's certificate for a request that was made elsewhere.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::authority::{self, AuthorityAt};
use crate::error::Error;
use crate::files::{self, Lock};
use crate::keys;
use crate::ops::ca::{self, intermediate};
use crate::ops::issue::{Issued, request};
use crate::ops::refused::Outcome;
use crate::pki::algorithm::KeyType;
use crate::pki::plan::NameConstraints;
use crate::pki::validity::Lifetime;
