use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn settled(folder: &tempfile::TempDir, wishes: Wishes) -> Profile {
    Profile::settle(folder.path().join("tm"), wishes).unwrap()
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_context() {
    let folder = folder();
    let home = Home::new(folder.path().join("tm"));
    Contexts::update(&home, |contexts| {
        contexts.current = Some("stage".to_owned());
        let context = Context { url: "http://stage:1".to_owned(), token: Some("t".to_owned()) };
        contexts.contexts.insert("stage".to_owned(), context);
    })
    .unwrap();
    let wishes = |context: Option<&str>, flag: Option<&str>, variable: Option<&str>| Wishes {
        context_flag: context.map(str::to_owned),
        url_flag: flag.map(str::to_owned),
        url_variable: variable.map(str::to_owned),
        ..Wishes::default()
    };
    let url = |w: Wishes| {
        let profile = settled(&folder, w);
        (profile.url, profile.url_source, profile.context_token)
    };
    let token = Some("t".to_owned());
    assert_eq!(url(wishes(None, None, None)), ("http://stage:1".to_owned(), Source::Context, token.clone()));
    assert_eq!(url(wishes(None, None, Some("http://v"))), ("http://v".to_owned(), Source::Environment, None));
    assert_eq!(
        url(wishes(None, Some("http://f"), Some("http://v"))),
        ("http://f".to_owned(), Source::Flag, None)
    );
    assert_eq!(
        url(wishes(Some("stage"), None, Some("http://v"))),
        ("http://stage:1".to_owned(), Source::Context, token)
    );
    assert_eq!(url(wishes(Some("default"), None, None)), (DEFAULT_URL.to_owned(), Source::Default, None));
    let unknown = Profile::settle(folder.path().join("tm"), wishes(Some("stagee"), None, None));
    assert!(
        matches!(unknown, Err(ProfileError::NoContext(name, known)) if name == "stagee" && known == ["stage"])
    );
}

#[test]
fn a_guests_token_stays_with_its_event_and_its_daemon() {
    let folder = folder();
    let (e1, e2): (tmcore::EventId, tmcore::EventId) = ("E1".parse().unwrap(), "E2".parse().unwrap());
    let profile = settled(&folder, Wishes::default());
    profile.update(|state| state.keep_guest(&e1, "guest".to_owned())).unwrap();
    assert_eq!(profile.state().unwrap().guest_token(&e1), Some("guest"));
    assert_eq!(profile.state().unwrap().guest_token(&e2), None);
    let elsewhere = Wishes { url_flag: Some("http://elsewhere".to_owned()), ..Wishes::default() };
    assert_eq!(settled(&folder, elsewhere).state().unwrap().guest_token(&e1), None);
}

#[cfg(unix)]
#[test]
fn files_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let profile = settled(&folder, Wishes::default());
    profile.update(|state| state.keep_guest(&"E1".parse().unwrap(), "guest".to_owned())).unwrap();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = format!("state/{}.json", profile.slot());
    assert_eq!(mode(profile.home.path(&file)), 0o600);
    assert_eq!(mode(profile.home.path(&format!("{file}.lock"))), 0o600);
    assert_eq!(mode(profile.home.path("state")), 0o700);
}

#[test]
fn changes_of_many_at_once_are_all_kept() {
    let folder = folder();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let profile = settled(&folder, Wishes::default());
            scope.spawn(move || {
                for n in 0..5 {
                    let event = format!("E{writer}-{n}").parse().unwrap();
                    profile.update(|state| state.keep_guest(&event, "t".to_owned())).unwrap();
                }
            });
        }
    });
    assert_eq!(settled(&folder, Wishes::default()).state().unwrap().guests(), 40);
}

#[test]
fn the_oldest_are_forgotten() {
    let mut state = State::default();
    for n in 0..1500 {
        state.keep_guest(&format!("E{n}").parse().unwrap(), "t".to_owned());
    }
    assert_eq!(state.guests(), 1000);
    assert_eq!(state.guest_token(&"E499".parse().unwrap()), None);
    assert_eq!(state.guest_token(&"E500".parse().unwrap()), Some("t"));
}
