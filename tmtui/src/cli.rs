//! What may be typed to start the program.

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use tmctl::profile::Wishes;

use crate::host::Host;
use crate::palette::Kind;

const EXAMPLES: &str = "\
Examples:
  tmtui                              the events of the office at http://127.0.0.1:8080
  tmtui E1                           straight to one event
  tmtui --url https://tickets.example --palette 16
  tmtui --linear                     prompts and lists, for screen readers and slow lines
  tmtui --readonly                   look, but buy and change nothing";

/// Pick seats on a live map, wait in line, pay, and hold the ticket: in the terminal.
#[derive(Debug, Parser)]
#[command(name = "tmtui", version, before_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// The event to begin with
    #[arg(value_name = "EVENT")]
    pub event: Option<String>,
    /// Where the daemon is [env: TM_URL] [default: <http://127.0.0.1:8080>]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The context of tmctl to use [env: TM_CONTEXT]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// The token to use instead of the stored ones [env: TM_TOKEN]
    #[arg(long, value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Colours: okabe-ito (256 colours, for every kind of eye), 16, mono [default: what the terminal can]
    #[arg(long, value_name = "NAME")]
    pub palette: Option<Kind>,
    /// Draw with the characters of ASCII only
    #[arg(long)]
    pub ascii: bool,
    /// Ask and list line by line instead of drawing screens
    #[arg(long)]
    pub linear: bool,
    /// Buy and change nothing
    #[arg(long)]
    pub readonly: bool,
    /// The most frames a second [default: 15, over ssh 5]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u32>::new().range(1..=60))]
    pub fps: Option<u32>,
}

impl Cli {
    /// What is asked for, here and in the environment.
    pub fn wishes(&self, host: &Host) -> Wishes {
        let flags = Wishes {
            context_flag: self.context.clone(),
            url_flag: self.url.clone(),
            token_flag: self.token.clone(),
            ..Wishes::default()
        };
        flags.with_variables(|name| host.env(name))
    }

    /// The palette: the one asked for, else what the terminal says it can (<https://no-color.org>).
    pub fn kind(&self, host: &Host) -> Kind {
        let term = host.env("TERM").unwrap_or("dumb");
        match self.palette {
            Some(kind) => kind,
            None if host.env("NO_COLOR").is_some() || term == "dumb" || term.starts_with("vt") => Kind::Mono,
            None if term.contains("256color") || host.env("COLORTERM").is_some() => Kind::OkabeIto,
            None => Kind::Sixteen,
        }
    }

    /// How often a second the screen may be drawn.
    pub fn frames_per_second(&self, host: &Host) -> u32 {
        self.fps.unwrap_or(if host.is_remote() { 5 } else { 15 })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn cli(arguments: &[&str]) -> Cli {
        Cli::parse_from([&["tmtui"], arguments].concat())
    }

    #[test]
    fn the_palette_is_what_is_asked_for_else_what_the_terminal_can() {
        let kind =
            |arguments: &[&str], variables: &[(&str, &str)]| cli(arguments).kind(&Host::with(variables));
        assert_eq!(kind(&[], &[("TERM", "xterm-256color")]), Kind::OkabeIto);
        assert_eq!(kind(&[], &[("TERM", "xterm"), ("COLORTERM", "truecolor")]), Kind::OkabeIto);
        assert_eq!(kind(&[], &[("TERM", "linux")]), Kind::Sixteen);
        assert_eq!(kind(&[], &[("TERM", "vt220")]), Kind::Mono);
        assert_eq!(kind(&[], &[]), Kind::Mono);
        let refused = [("TERM", "xterm-256color"), ("NO_COLOR", "1")];
        assert_eq!(kind(&[], &refused), Kind::Mono);
        assert_eq!(
            kind(&[], &[("TERM", "xterm-256color"), ("NO_COLOR", "")]),
            Kind::OkabeIto,
            "empty is unset"
        );
        assert_eq!(kind(&["--palette", "16"], &refused), Kind::Sixteen);
    }

    #[test]
    fn over_ssh_five_frames_a_second_are_drawn_else_fifteen_unless_asked_otherwise() {
        let frames = |arguments: &[&str], variables: &[(&str, &str)]| {
            cli(arguments).frames_per_second(&Host::with(variables))
        };
        assert_eq!(frames(&[], &[]), 15);
        assert_eq!(frames(&[], &[("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")]), 5);
        assert_eq!(frames(&[], &[("SSH_TTY", "/dev/pts/1")]), 5);
        assert_eq!(frames(&["--fps", "30"], &[("SSH_TTY", "/dev/pts/1")]), 30);
        assert!(Cli::try_parse_from(["tmtui", "--fps", "0"]).is_err());
    }

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
