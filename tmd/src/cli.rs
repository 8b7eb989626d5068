//! The daemon's command line.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Where `tmd gateway` listens unless `--listen` says otherwise.
pub const GATEWAY_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8082);

const EXAMPLES: &str = "\
Examples:
  tmd --demo                            sell two demo events on 127.0.0.1:8080, nothing to install
  tmd --listen 0.0.0.0:8080             sell to the network
  tmd --config tmd.toml config check    is the configuration in order?
  TMD_LOG_FILTER=debug tmd              any setting, for this run only
  tmd health && echo ready              for a probe";

const CONFIG_EXAMPLES: &str = "\
Examples:
  tmd config print > tmd.toml           a file to start from
  tmd --config tmd.toml config check    exit code 2 and the reason when something is wrong

Settings come from the defaults, then the file, then TMD_<SECTION>_<KEY>, then flags; the later wins.";

const GATEWAY_EXAMPLES: &str = "\
Examples:
  export TMD_GATEWAY_CALLBACK_SECRET_FILE=/var/lib/tmd-callback.secret    the same for both
  tmd gateway --data-dir /var/lib/tmd-gateway --callback-url http://127.0.0.1:8080
  tmd --gateway-url http://127.0.0.1:8082";

/// Ticket office for sales that everybody wants to get into at once: catalogue, waiting room, orders, tickets.
#[derive(Debug, Parser)]
#[command(name = "tmd", version, after_help = EXAMPLES)]
pub struct Cli {
    /// Settings that may be given with every command, or with none.
    #[command(flatten)]
    pub flags: Flags,
    /// What to do; without it, [`Command::Serve`].
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Settings on the command line. They win over file and environment.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Folder of the database and the organiser's token
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address that buyers and organisers call [default: 127.0.0.1:8080; of the gateway: 127.0.0.1:8082]
    #[arg(long, global = true, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Address of /metrics and /livez, not for the public [default: 127.0.0.1:8081]
    #[arg(long, global = true, value_name = "ADDR")]
    pub admin_listen: Option<SocketAddr>,
    /// Payment provider to use instead of the sandbox in this process, such as <http://127.0.0.1:8082>
    #[arg(long, global = true, value_name = "URL")]
    pub gateway_url: Option<String>,
    /// Daemon that `tmd gateway` tells what it did, such as <http://127.0.0.1:8080>
    #[arg(long, global = true, value_name = "URL")]
    pub callback_url: Option<String>,
    /// Put the demo events on sale if they are not there yet
    #[arg(long, global = true)]
    pub demo: bool,
    /// Configuration file in TOML; `tmd config print` writes one
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The daemon's commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sell tickets until told to stop (the default)
    Serve,
    /// Bring the database to this version's schema and end
    Migrate {
        /// Forget the office's keys and provider: the next daemon to start says what they are. Tokens and tickets of other
        /// keys are void then, and payments of another provider out of reach
        #[arg(long)]
        forget_identity: bool,
    },
    /// Run the sandbox payment provider as a process of its own
    #[command(after_help = GATEWAY_EXAMPLES)]
    Gateway,
    /// Ask a running daemon whether it is ready: exit code 0 or 1
    #[command(after_help = "Example:\n  tmd health --url http://127.0.0.1:8080")]
    Health {
        /// Base address of the daemon [default: the configured `server.listen` on this host]
        #[arg(long)]
        url: Option<String>,
    },
    /// Show or check the configuration
    #[command(after_help = CONFIG_EXAMPLES)]
    Config {
        /// What to do with it.
        #[command(subcommand)]
        action: ConfigAction,
    },
}

/// What to do with the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigAction {
    /// Print the settings that would be in force, secrets masked
    Print,
    /// End with code 0 when the settings are in order, else with code 2 and the reason
    Check,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_work_before_and_after_the_command_and_without_one() {
        for line in [
            "tmd --listen 127.0.0.1:1 --demo",
            "tmd serve --listen 127.0.0.1:1 --demo",
            "tmd --listen 127.0.0.1:1 --demo serve",
        ] {
            let cli = parse(line).unwrap();
            assert_eq!(cli.flags.listen, Some("127.0.0.1:1".parse().unwrap()), "{line}");
            assert!(cli.flags.demo, "{line}");
            assert!(matches!(cli.command, None | Some(Command::Serve)), "{line}");
        }
    }

    #[test]
    fn the_gateway_takes_an_address_and_a_folder() {
        let cli = parse("tmd gateway --listen 127.0.0.1:2 --data-dir /g").unwrap();
        assert_eq!(cli.flags.data_dir, Some(PathBuf::from("/g")));
        assert!(matches!(cli.command, Some(Command::Gateway)));
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "tmd --listen nowhere",
            "tmd --lissten 127.0.0.1:1",
            "tmd sell",
            "tmd config",
            "tmd config print now",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
