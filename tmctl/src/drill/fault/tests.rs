use tmcore::drill::Dice;

use super::*;

const EVERYTHING: Means =
    Means { postgres: Owner::Ours, redis: Owner::Ours, has_disk: true, has_clock: true };
const NOTHING: Means =
    Means { postgres: Owner::Nobody, redis: Owner::Nobody, has_disk: false, has_clock: false };

fn names(chosen: &[Vec<Fault>]) -> Vec<String> {
    chosen.iter().flatten().map(|fault| fault.name()).collect()
}

fn chosen(wishes: &[&str], means: Means) -> Result<Vec<String>, String> {
    let wishes: Vec<_> = wishes.iter().map(|wish| Wish::read(wish).unwrap()).collect();
    choose(&wishes, means).map(|chosen| names(&chosen)).map_err(|failure| failure.message)
}

#[test]
fn every_fault_has_a_name_of_its_own_and_is_in_the_documentation() {
    let text = include_str!("../../../../docs/drill.md");
    let mut all: Vec<_> = Fault::all().map(Fault::name).collect();
    for name in &all {
        assert_eq!(name.parse::<Fault>().unwrap().name(), *name);
        assert!(text.contains(&format!("`{name}`")), "docs/drill.md does not have `{name}`");
    }
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn all_is_what_can_be() {
    let count = Fault::all().count();
    assert_eq!(chosen(&["all"], EVERYTHING).unwrap().len(), count);
    let least = chosen(&["all"], NOTHING).unwrap();
    assert!(least.iter().all(|name| !name.starts_with("postgres") && name != "disk" && name != "clock"));
    assert!(least.contains(&"kill".to_owned()) && least.contains(&"gateway.forged".to_owned()));
}

#[test]
fn of_a_server_that_was_there_before_only_the_way_to_it_is_hit() {
    let means = Means { postgres: Owner::Somebody, redis: Owner::Somebody, ..NOTHING };
    for kind in ["postgres", "redis"] {
        let found = chosen(&[kind], means).unwrap();
        let is_wire =
            |how: &str| Trouble::USUAL.iter().any(|trouble| trouble.as_str() == how) || how == "commit";
        assert!(found.len() >= Trouble::USUAL.len());
        assert!(found.iter().all(|name| is_wire(name.split_once('.').unwrap().1)), "{found:?}");
        let refused = chosen(&[&format!("{kind}.kill")], means).unwrap_err();
        assert!(refused.contains("only for a server that the rehearsal starts"), "{refused}");
    }
}

#[test]
fn what_is_named_and_cannot_be_is_refused() {
    for wish in ["postgres", "postgres.cut", "redis", "redis.flush", "disk", "clock"] {
        assert!(chosen(&[wish], NOTHING).is_err(), "{wish}");
        assert!(chosen(&["all", wish], NOTHING).is_err(), "{wish}");
        assert!(!chosen(&[wish], EVERYTHING).unwrap().is_empty(), "{wish}");
    }
    let near = Wish::read("postgres.").unwrap_err();
    assert!(near.contains("postgres.commit"), "{near}");
    assert!(Wish::read("flood").is_err());
}

#[test]
fn what_is_drawn_is_within_its_bounds_and_the_same_from_the_same_seed() {
    for fault in Fault::all() {
        let has = Measure::has(fault).map(|(_, has)| has);
        for seed in 0..200 {
            let measure = Measure::drawn(fault, &mut Dice::new(seed));
            assert_eq!(measure, Measure::drawn(fault, &mut Dice::new(seed)));
            let Measure { lasts, latency, bytes, offset_seconds } = measure;
            assert_eq!([!lasts.is_zero(), !latency.is_zero(), bytes > 0, offset_seconds != 0], has);
            assert!(lasts.as_secs() < 5 && latency.as_millis() < 1_300 && offset_seconds.abs() <= 3_600);
        }
    }
}
