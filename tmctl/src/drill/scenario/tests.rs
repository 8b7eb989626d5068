use super::*;
use crate::drill::fault::How;
use crate::drill::trouble::Trouble;

const EXAMPLE: &str = include_str!("../../../../contrib/drill.toml");

fn refused(text: &str) -> String {
    Scenario::parse(text).unwrap_err().message
}

fn flags(words: &[&str]) -> Scenario {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        scenario: Scenario,
    }
    <Line as clap::Parser>::parse_from([&["drill"][..], words].concat()).scenario
}

#[test]
fn the_example_reads_and_says_everything_that_can_be_said() {
    let example = Scenario::parse(EXAMPLE).unwrap();
    let Barrage::Timed(faults) = example.barrage(&Surroundings::default()).unwrap() else { panic!() };
    assert!(faults.len() > 3);
    // Every option of the command line is in it, be it as a comment.
    let line = <Scenario as clap::Args>::augment_args(clap::Command::new("drill"));
    for option in line.get_arguments().filter_map(clap::Arg::get_long) {
        let line = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{option} ="));
        assert!(EXAMPLE.lines().any(line) || EXAMPLE.contains(&format!("[{option}]")), "{option}");
    }
}

#[test]
fn what_nobody_knows_is_refused_with_its_line() {
    for (text, named) in [
        ("seed = 1\nbuyer = 7\n", "line 2"),
        ("[[fault]]\nat = \"1s\"\nfault = \"kill\"\nhow = \"hard\"\n", "line 4"),
        ("[[fault]]\nat = \"1s\"\nfault = \"flood\"\n", "line 3"),
        ("[[fault]]\nfault = \"kill\"\n", "`at`"),
        ("rush = \"soon\"\n", "30s, 5m"),
        ("rush = \"48h\"\n", "a day at most"),
        ("[set]\n\"PATH\" = \"/\"\n", "no setting"),
        ("[set]\n\"store.url\" = []\n", "expected a text"),
        ("buyers = 0\n", "buyers"),
        ("bots = 101\n", "bots"),
        ("[[fault]]\nat = \"1s\"\nfault = \"kill\"\nlatency = \"1s\"\n", "takes no `latency`"),
        ("[[fault]]\nat = \"1s\"\nfault = \"network.cut\"\nfor = \"1s\"\n", "takes no `for`"),
        ("[[fault]]\nat = \"1s\"\nfault = \"network.rate\"\nbytes = 0\n", "one byte"),
        ("[[fault]]\nat = \"1s\"\nfault = \"clock\"\noffset = \"-9000h\"\n", "a year at most"),
        ("[[wave]]\nat = \"1s\"\nfor = \"1s\"\nload = 0\n", "from 1 to 1000"),
        ("[[wave]]\nat = \"1s\"\nfor = \"0s\"\nload = 1\n", "for some time"),
        ("[[wave]]\nat = \"1s\"\nload = 1\n", "`for`"),
        ("buyers = 5\n[[wave]]\nat = \"1s\"\nfor = \"1s\"\nload = 1\n", "not both"),
        ("[goals]\nat-load = 1\ngoodput-percent = 90\nrecovery-seconds = 1\n", "there is none"),
        ("faults = [\"kill\"]\n[[fault]]\nat = \"1s\"\nfault = \"kill\"\n", "not both"),
    ] {
        let message = refused(text);
        assert!(message.contains(named), "{text}: {message}");
    }
}

#[test]
fn what_is_said_on_the_command_line_wins() {
    let file = Scenario::parse(
        "seed = 3\nbuyers = 30\nrush = \"3s\"\nfull = true\n[set]\n\"a.b\" = 1\n[[fault]]\nat = \"1s\"\nfault = \"kill\"\n",
    );
    let file = file.unwrap();
    let both = flags(&["--seed", "5", "--set", "a.b=2"]).or(file.clone());
    assert_eq!((both.seed(), both.buyers(), both.full), (5, 30, true));
    let last = both.set.iter().rfind(|(name, _)| name == "a.b").unwrap();
    assert_eq!((last.1.as_str(), both.timed.len()), ("2", 1));
    let drawn = flags(&["--faults", "pause,postgres.commit"]).or(file);
    assert!(drawn.timed.is_empty());
    let commit = Fault { kind: crate::drill::fault::Kind::Postgres, how: How::Trouble(Trouble::Commit) };
    assert_eq!(drawn.faults[1], Wish::One(commit));
    assert_eq!(Scenario::default().buyers(), 2_000);
}

#[test]
fn a_fault_is_as_it_was_said_and_else_drawn_from_the_seed() {
    let text = "[[fault]]\nat = \"5s\"\nfault = \"network.slow\"\nfor = \"2s\"\n";
    let barrage = |seed: u64| {
        let scenario = Scenario { seed: Some(seed), ..Scenario::parse(text).unwrap() };
        let Barrage::Timed(faults) = scenario.barrage(&Surroundings::default()).unwrap() else { panic!() };
        faults
    };
    let (at, fault, measure) = barrage(1).remove(0);
    assert_eq!((at, fault.name().as_str()), (Duration::from_secs(5), "network.slow"));
    assert_eq!(measure.lasts, Duration::from_secs(2));
    assert!(!measure.latency.is_zero());
    assert_eq!(barrage(1), barrage(1));
    assert_ne!(barrage(1), barrage(2));
}

#[test]
fn servers_of_two_kinds_are_refused() {
    let both = flags(&["--full", "--set", "store.url=postgres://elsewhere/x"]);
    let refused = both.barrage(&Surroundings::default()).unwrap_err();
    assert!(refused.message.contains("--full"), "{refused:?}");
    // Without a server nothing can happen to it.
    for fault in ["postgres", "redis", "clock", "disk"] {
        assert!(flags(&["--faults", fault]).barrage(&Surroundings::default()).is_err(), "{fault}");
    }
}

#[test]
fn the_built_in_one_has_waves_a_storm_goals_and_both_losses() {
    let eras = Scenario::named(Path::new("eras")).unwrap();
    assert_eq!(eras.waves().iter().map(|wave| wave.load).collect::<Vec<_>>(), [1, 5, 10, 50]);
    let storm = eras.waves().into_iter().find(|wave| wave.is_storm).unwrap();
    for (at, is_stormy) in [
        (storm.begins_millis - 1, false),
        (storm.begins_millis, true),
        (storm.ends_millis() - 1, true),
        (storm.ends_millis(), false),
    ] {
        assert_eq!(eras.is_stormy(at), is_stormy, "{at}");
    }
    assert_eq!(eras.goals().map(|goals| goals.at_load), Some(10));
    let wished: Vec<_> = eras.wishes();
    assert_eq!(wished.len(), 2, "{wished:?}");
    let alone = flags(&["--buyers", "10"]).or(eras);
    assert!(alone.waves().is_empty() && alone.goals().is_none(), "who says how many come wants no waves");
}
