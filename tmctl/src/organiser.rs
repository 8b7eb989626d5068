//! The organiser's token: named, or read from the daemon's data folder on the same host.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tmapi::client::Client;

use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;

/// Every organiser's token begins so.
const PREFIX: &str = "org_";
/// The token's file in the daemon's data folder.
const FILE: &str = "organiser.token";

/// Who speaks for the organiser.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Organiser")]
pub struct Organiser {
    /// The organiser's token [env: TM_ORGANISER_TOKEN] [default: the one in the daemon's data folder]
    #[arg(long, global = true, value_name = "TOKEN")]
    organiser_token: Option<String>,
    /// The data folder of the daemon on this host [env: TMD_SERVER_DATA_DIR] [default: ~/.local/share/tmd]
    #[arg(long, global = true, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    data_dir: Option<PathBuf>,
}

/// A token and where it comes from.
pub struct Found {
    pub token: String,
    pub source: Source,
}

/// Where a token comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// `--organiser-token` or `--token`.
    Flag,
    /// `TM_ORGANISER_TOKEN` or `TM_TOKEN`.
    Environment,
    /// The context in use.
    Context,
    /// A file in the daemon's data folder.
    File(PathBuf),
}

impl Organiser {
    /// The client that speaks for the organiser.
    pub fn client(&self, desk: &Desk) -> Result<Client, Failure> {
        desk.client_with(Some(&self.find(desk)?.token))
    }

    /// Finds the token: what is named wins over what is kept. The data folder's token goes to a daemon on this host
    /// only, unless the folder is named on the command line: another host's daemon has no business with it.
    pub fn find(&self, desk: &Desk) -> Result<Found, Failure> {
        if let Some(found) = self.named(desk) {
            return Ok(found);
        }
        let Some(folder) = self.folder(desk) else {
            return Err(missing(desk, "neither XDG_DATA_HOME nor HOME says where its data folder is"));
        };
        if self.data_dir.is_none() && !is_here(desk.anonymous().base_url()) {
            let why = format!("{} is on another host", desk.anonymous().base_url());
            return Err(missing(desk, &why));
        }
        from_folder(desk, &folder)
    }

    fn named(&self, desk: &Desk) -> Option<Found> {
        let found = |token: &str, source| Some(Found { token: token.to_owned(), source });
        if let Some(token) = &self.organiser_token {
            return found(token, Source::Flag);
        }
        if self.data_dir.is_some() {
            return None;
        }
        if let Some(token) = desk.host.env("TM_ORGANISER_TOKEN") {
            return found(token, Source::Environment);
        }
        let is_organisers = |token: &&String| token.starts_with(PREFIX);
        if let Some(token) = desk.profile.explicit_token.as_ref().filter(is_organisers) {
            let named = desk.host.env("TM_TOKEN") == Some(token);
            return found(token, if named { Source::Environment } else { Source::Flag });
        }
        let kept = desk.profile.context_token.as_ref().filter(is_organisers)?;
        found(kept, Source::Context)
    }

    /// Where the daemon of this host keeps its data: found as the daemon itself finds it.
    fn folder(&self, desk: &Desk) -> Option<PathBuf> {
        let path = |name: &str| desk.host.env(name).map(PathBuf::from);
        let named = self.data_dir.clone().or_else(|| path("TMD_SERVER_DATA_DIR"));
        let xdg = || path("XDG_DATA_HOME").filter(|folder| folder.is_absolute()).map(|data| data.join("tmd"));
        named.or_else(xdg).or_else(|| Some(path("HOME")?.join(".local/share/tmd")))
    }
}

fn missing(desk: &Desk, why: &str) -> Failure {
    Failure::new(Exit::NotAllowed, format!("this needs the organiser's token, and none is known: {why}"))
        .hint(format!(
            "set TM_ORGANISER_TOKEN, or keep it: `{}`; it is in `{FILE}` of the daemon's data folder",
            desk.out.command("context add NAME URL --with-token TOKEN")
        ))
}

fn from_folder(desk: &Desk, folder: &Path) -> Result<Found, Failure> {
    let file = folder.join(FILE);
    let shown = file.display();
    match std::fs::read_to_string(&file) {
        Ok(text) if text.trim().is_empty() => Err(missing(desk, &format!("{shown} is empty"))),
        Ok(text) => Ok(Found { token: text.trim().to_owned(), source: Source::File(file) }),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(missing(desk, &format!("there is no {shown}"))
            .hint("--data-dir names the daemon's data folder, which `tmd` says when it starts; from another host, set TM_ORGANISER_TOKEN")),
        Err(error) => Err(missing(desk, &format!("cannot read {shown}: {error}"))
            .hint("only the daemon's user may read it: be that user, or set TM_ORGANISER_TOKEN")),
    }
}

/// Whether a daemon's address can only be one of this host.
#[must_use]
pub fn is_here(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Global;
    use crate::host::Host;
    use crate::output::Output;

    fn desk(url: &str, environment: &[(&str, &str)], home: &Path) -> Desk {
        let mut all = vec![("TM_HOME", home.to_str().unwrap()), ("HOME", home.to_str().unwrap())];
        all.extend(environment);
        let host = Host::fixed(&all);
        let global = Global { url: Some(url.to_owned()), ..Global::default() };
        let out = Output::new(&host, &global);
        Desk::new(&global, host, out).unwrap()
    }

    fn with_token(folder: &Path, token: &str) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join(FILE), token).unwrap();
    }

    #[test]
    fn the_folders_token_goes_to_this_host_only() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".local/share/tmd");
        with_token(&folder, "org_kept\n");
        let found = |url: &str, organiser: &Organiser| {
            organiser.find(&desk(url, &[], home.path())).map(|found| found.token).map_err(|f| f.exit)
        };
        for url in ["http://127.0.0.1:8080", "http://localhost", "https://[::1]:8/office", "http://127.1:80"]
        {
            assert_eq!(found(url, &Organiser::default()).as_deref(), Ok("org_kept"), "{url}");
        }
        for url in
            ["http://evil.example", "http://127.0.0.1.evil.example:80", "http://10.0.0.7", "http://[::2]"]
        {
            assert_eq!(found(url, &Organiser::default()), Err(Exit::NotAllowed), "{url}");
            let named = Organiser { data_dir: Some(folder.clone()), ..Organiser::default() };
            assert_eq!(found(url, &named).as_deref(), Ok("org_kept"), "{url}");
        }
    }

    #[test]
    fn what_is_named_wins_over_what_is_kept() {
        let home = tempfile::tempdir().unwrap();
        with_token(&home.path().join("x/tmd"), "org_xdg");
        with_token(&home.path().join("d"), "org_dir");
        let (data, folder) = (home.path().join("x"), home.path().join("d"));
        let (data, folder) = (data.to_str().unwrap(), folder.to_str().unwrap());
        let found = |environment: &[(&str, &str)], organiser: &Organiser| {
            let desk = desk("http://localhost", environment, home.path());
            organiser.find(&desk).map(|found| found.token).map_err(|failure| failure.exit)
        };
        let nothing = Organiser::default();
        assert_eq!(found(&[], &nothing), Err(Exit::NotAllowed));
        assert_eq!(found(&[("XDG_DATA_HOME", data)], &nothing).as_deref(), Ok("org_xdg"));
        let both = [("XDG_DATA_HOME", data), ("TMD_SERVER_DATA_DIR", folder)];
        assert_eq!(found(&both, &nothing).as_deref(), Ok("org_dir"));
        assert_eq!(found(&[both[0], ("TM_TOKEN", "v4.public.buyer")], &nothing).as_deref(), Ok("org_xdg"));
        assert_eq!(found(&[both[0], ("TM_TOKEN", "org_t")], &nothing).as_deref(), Ok("org_t"));
        let all = [both[0], ("TM_TOKEN", "org_t"), ("TM_ORGANISER_TOKEN", "org_e")];
        assert_eq!(found(&all, &nothing).as_deref(), Ok("org_e"));
        let named = Organiser { data_dir: Some(folder.into()), ..Organiser::default() };
        assert_eq!(found(&all, &named).as_deref(), Ok("org_dir"));
        let named = Organiser { organiser_token: Some("org_f".to_owned()), ..named };
        assert_eq!(found(&all, &named).as_deref(), Ok("org_f"));
    }
}
