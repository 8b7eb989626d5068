use super::*;

const HOSTILE: &str = "Gala\u{1b}]0;owned\u{7}\u{9b}31m\tx\n\u{202e}y";

#[derive(Serialize)]
struct Thing {
    name: &'static str,
    id: &'static str,
}

impl Show for Thing {
    fn blocks(&self, look: &Look) -> Vec<Block> {
        let starts = look.time(Timestamp::from_millis(1_800_000_000_000));
        let rows = vec![vec![self.id.to_owned(), self.name.to_owned()]];
        vec![
            Block::Fields(vec![("name", self.name.to_owned()), ("starts", starts)]),
            Block::Rows(Rows { head: &["id", "name"], rows, flexible: None }),
        ]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.id.to_owned()]
    }

    fn env(&self) -> Vec<(&'static str, String)> {
        vec![("TM_EVENT", self.id.to_owned())]
    }
}

fn output(format: Format, painted: bool) -> Output {
    let channel = Channel { terminal: false, smart: false, painted };
    Output { format, quiet: false, out: channel, err: channel, host: Host::fixed(&[]), flags: String::new() }
}

fn rendered(format: Format, thing: &impl Show) -> String {
    output(format, false).rendered(thing).unwrap()
}

const ALL: [Format; 7] =
    [Format::Table, Format::Lines, Format::Json, Format::Jsonl, Format::Yaml, Format::Id, Format::Env];

#[test]
fn hostile_text_is_shown_in_every_format_and_executed_in_none() {
    for format in ALL {
        let text = rendered(format, &Thing { name: HOSTILE, id: "E1;touch$(x)'" });
        let bad =
            |c: char| (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.contains(bad), "{format:?}: {text:?}");
        if format != Format::Lines {
            assert!(!text.contains('\t'), "{format:?}: {text:?}");
        }
    }
    let json = rendered(Format::Json, &Thing { name: HOSTILE, id: "E1" });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["name"], HOSTILE);
}

#[test]
fn every_format_looks_as_documented() {
    for format in ALL {
        let name = format!("{format:?}").to_lowercase();
        insta::assert_snapshot!(name, rendered(format, &Thing { name: "Gala: 50 % of \"all\"", id: "E1" }));
    }
}

#[test]
fn a_list_is_a_line_an_item_in_jsonl() {
    assert_eq!(json_lines(&[1, 2]).unwrap(), "1\n2\n");
    assert_eq!(json_lines(&"x").unwrap(), "\"x\"\n");
}

#[test]
fn a_flag_beats_no_color_which_beats_force_which_beats_the_terminal() {
    let painted = |env: &[(&str, &str)], choice, terminal| painted(&Host::fixed(env), choice, terminal);
    let both = [("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")];
    assert!(painted(&both, ColorChoice::Always, false));
    assert!(!painted(&both, ColorChoice::Auto, true));
    assert!(painted(&both[1..], ColorChoice::Auto, false));
    assert!(!painted(&[("CLICOLOR_FORCE", "0")], ColorChoice::Auto, false));
    assert!(painted(&[("NO_COLOR", "")], ColorChoice::Auto, true));
    assert!(!painted(&[], ColorChoice::Never, true));
    let dumb = Host::fixed(&[("TERM", "dumb")]);
    assert!(!Channel::new(true, &dumb, ColorChoice::Auto).painted);
    assert!(!Channel::new(true, &dumb, ColorChoice::Auto).smart);
}

#[test]
fn colours_mark_heads_and_nothing_else() {
    let plain = rendered(Format::Table, &Thing { name: "Gala", id: "E1" });
    let painted = output(Format::Table, true).rendered(&Thing { name: "Gala", id: "E1" }).unwrap();
    assert_ne!(plain, painted);
    assert_eq!(painted.replace("\x1b[1m", "").replace("\x1b[0m", ""), plain);
}

#[test]
fn lengths_of_time_are_said_as_people_say_them() {
    let said = [0, 59, 60, 90, 600, 3599, 7200, 172_800].map(duration);
    assert_eq!(said, ["0 s", "59 s", "1 min", "1 min 30 s", "10 min", "59 min", "2 h", "2 d"]);
}
