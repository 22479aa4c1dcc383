//! The `orgtap` command: arguments in, exit code out. Each command has a file in `cmd/`.

mod cli;
mod cmd;
mod exit;
mod logging;
mod render;
mod say;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::cmd::ask::{INTERRUPTED_CODE, Interrupted};
use crate::exit::Exit;

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(&cli);
    // One TLS provider for the whole program; a second install can only mean it is there already.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return render::failure(&error.into(), false),
    };
    let json = cli.json;
    match runtime.block_on(dispatch(cli)) {
        Ok(exit) => say::judged(exit).into(),
        // The thread that waits for an answer cannot be told to stop waiting.
        Err(error) if error.is::<Interrupted>() => std::process::exit(INTERRUPTED_CODE),
        Err(error) => render::failure(&error, json),
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    let common = cli.common();
    match cli.command {
        Command::Demo(args) => cmd::demo::run(&common, &args).await,
        Command::Run(args) => cmd::run::run(&common, &args).await,
        Command::Collect(args) => cmd::collect::run(&common, &args).await,
        Command::Backfill(args) => cmd::backfill::run(&common, &args).await,
        Command::TestConnection(args) => cmd::test_connection::run(&common, &args).await,
        Command::Connector(what) => cmd::connector::run(&common, &what).await,
        Command::Console(what) => cmd::console::run(&common, what).await,
        Command::Vault(what) => cmd::vault::run(&common, &what).await,
        Command::Status => cmd::status::run(&common).await,
        Command::Completeness(args) => cmd::completeness::run(&common, &args).await,
        Command::DeadLetters(args) => cmd::dead_letters::run(&common, &args).await,
        Command::Replay(args) => cmd::replay::run(&common, &args).await,
        Command::State(what) => cmd::state::run(&common, &what).await,
        Command::Convert(args) => cmd::convert::run(&common, &args),
        Command::Config(args) => cmd::config::run(&common, &args),
        Command::SetupKit(args) => cmd::setup_kit::run(&common, &args).await,
        Command::Healthcheck(args) => cmd::healthcheck::run(&common, &args).await,
        Command::Explain(args) => cmd::reference::explain(&common, &args),
        Command::Completions(args) => Ok(cmd::reference::completions(&args)),
        Command::Reference(args) => cmd::reference::run(&args).await,
    }
}
