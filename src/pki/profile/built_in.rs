//! The profiles that are there without any settings.

use super::{Profile, ProfileSettings};

/// A profile that is compiled in, as the text of its file under `templates/profiles`.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Its file: TOML, the first line a comment that says what it is for.
    pub text: &'static str,
}

impl BuiltIn {
    /// All of them.
    pub const ALL: [BuiltIn; 6] = [
        BuiltIn {
            name: "server",
            text: include_str!("../../../templates/profiles/server.toml"),
        },
        BuiltIn {
            name: "client",
            text: include_str!("../../../templates/profiles/client.toml"),
        },
        BuiltIn {
            name: "peer",
            text: include_str!("../../../templates/profiles/peer.toml"),
        },
        BuiltIn {
            name: "svid",
            text: include_str!("../../../templates/profiles/svid.toml"),
        },
        BuiltIn {
            name: "message",
            text: include_str!("../../../templates/profiles/message.toml"),
        },
        BuiltIn {
            name: "intermediate",
            text: include_str!("../../../templates/profiles/intermediate.toml"),
        },
    ];

    /// The one of this name.
    pub fn named(name: &str) -> Option<BuiltIn> {
        Self::ALL.into_iter().find(|built_in| built_in.name == name)
    }

    /// What it is for, in a few words.
    pub fn description(self) -> &'static str {
        let first = self.text.lines().next().unwrap_or_default();
        first.trim_start_matches("# ")
    }

    /// Its settings.
    pub fn settings(self) -> ProfileSettings {
        match toml::from_str(self.text) {
            Ok(settings) => settings,
            Err(error) => unreachable!("a test reads templates/profiles: {error}"),
        }
    }

    /// The profile.
    pub fn profile(self) -> Profile {
        match self.settings().profile(self.name) {
            Ok(profile) => profile,
            Err(error) => unreachable!("a test reads templates/profiles: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_profile_is_one_and_says_what_it_is_for() {
        for built_in in BuiltIn::ALL {
            assert_eq!(built_in.profile().name, built_in.name);
            assert!(built_in.text.starts_with("# "), "{}", built_in.name);
            assert!(built_in.profile().permits_names(&[]).is_ok() || built_in.name == "svid");
        }
    }
}
