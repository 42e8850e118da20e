//! Must not hold logic: options in, library calls, one line out.

mod cli;

use std::{
    fs,
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::Parser;
use serde_json::json;
use ushield_emulator::{
    emulator::{Config, Emulator},
    entropy::Source,
    failure::Failure,
    maker::Maker,
    personalise::{BankTrust, Name, Personality, personalise},
    runner::Time,
    state::{StateFolder, write_whole},
};
use ushield_protocol::key::{DeviceId, hex};
use ushield_protocol::planted;

use cli::{Cli, Command, FaceKind, Personalise, Run};

fn main() -> ExitCode {
    if let Some(why) = planted::refusal() {
        eprintln!("ushield-token: {why}");
        return ExitCode::FAILURE;
    }
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Personalise(options) => make(options, cli.json),
        Command::Run(options) => tokio::runtime::Runtime::new()
            .map_err(Failure::System)
            .and_then(|runtime| runtime.block_on(run(options, cli.json))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if cli.json {
                eprintln!(
                    "{}",
                    json!({"event": "failed", "error": failure.to_string(), "exit": failure.exit_code()})
                );
            } else {
                eprintln!("ushield-token: {failure}");
            }
            failure.exit_code().into()
        }
    }
}

fn make(options: Personalise, json: bool) -> Result<(), Failure> {
    let name = options.name.as_deref().map(Name::new).transpose();
    let name = name.map_err(|problem| Failure::Option { option: "--name", problem })?;
    let bank = bank_trust(&options.bank_trust)?;
    let state = StateFolder::create(&options.state)?;
    if state.is_personalised() {
        return Err(Failure::AlreadyPersonalised(options.state));
    }
    let mut entropy = Source::System;
    let device_id = match options.device_id {
        Some(device_id) => device_id,
        None => {
            let mut random = [0; 16];
            entropy.fill(&mut random).map_err(Failure::System)?;
            DeviceId::from(random)
        }
    };
    let maker = Maker::open_or_create(&options.maker)?;
    let name = name.unwrap_or_else(|| Name::of_device(&device_id));
    let personality = Personality { device_id, name, locale: options.locale.into(), bank };
    let (flash, device) = personalise(&personality, &maker, entropy)?;
    state.store(&flash, &device)?;
    let (id, file) = (hex(device_id.as_bytes()), options.state.join("device.json"));
    if json {
        println!(
            "{}",
            json!({"event": "personalised", "device_id": id, "name": device.name, "device": file,
                   "maker_root": options.maker.join("root.pem")})
        );
    } else {
        println!("{} with device id {id} is in {}", device.name, options.state.display());
        println!("for the bank: {}", file.display());
        println!("for the bank and the phone: {}", options.maker.join("root.pem").display());
    }
    Ok(())
}

fn bank_trust(file: &Path) -> Result<BankTrust, Failure> {
    let text = fs::read(file).map_err(|cause| Failure::File {
        file: file.to_owned(),
        action: "read --bank-trust, which the bank's program writes",
        cause,
    })?;
    serde_json::from_slice(&text).map_err(|error| Failure::Content {
        file: file.to_owned(),
        problem: format!(
            "{error}; --bank-trust is what the bank's program wrote: \
             {{\"bank_id\": BIC, \"name\": text, \"root\": 66 hex digits}}"
        ),
    })
}

async fn run(options: Run, json: bool) -> Result<(), Failure> {
    let state = StateFolder::open(&options.state)?;
    let device = state.device()?;
    let config = Config {
        flash: state.into_flash()?,
        device: device.clone(),
        entropy: Source::System,
        time: Time::Real,
        listen: options.listen,
        http: options.http,
        test_power: options.test_power,
        vpcd: options.vpcd,
        gatt: options.gatt,
        ble: options.ble,
    };
    let mut emulator = Emulator::start(config).await?;
    let (listen, http) = (emulator.addr(), format!("http://{}", emulator.http()));
    if !emulator.http().ip().is_loopback() {
        eprintln!("ushield-token: warning: whoever can reach {http} can press this token's keys");
    }
    let ready = json!({"event": "ready", "listen": listen.to_string(), "http": http,
                       "device_id": hex(device.device_id.as_bytes()), "name": device.name});
    if json {
        println!("{ready}");
    } else {
        println!("{}: link {listen}, screen and keys {http}/", device.name);
    }
    if let Some(file) = &options.ready_file {
        write_whole(file, format!("{ready}\n").as_bytes(), false)?;
    }
    let with_face = options.face.is_terminal();
    let quit = Arc::new(AtomicBool::new(false));
    let mut face = std::pin::pin!(emulator.terminal_face(&quit));
    let mut face_ended = !with_face;
    let ended = tokio::select! {
        ended = &mut face, if with_face => {
            face_ended = true;
            ended
        }
        signalled = signal() => signalled,
        failure = emulator.failed() => Err(failure),
    };
    quit.store(true, Ordering::Relaxed);
    // The face restores the terminal before anything else is said.
    let restored = if face_ended { Ok(()) } else { face.await };
    let stopped = emulator.stop().await;
    ended.and(restored).and(stopped)
}

/// Waits for the request to end: Ctrl-C, or SIGTERM where there is one.
async fn signal() -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::System)?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Failure::System),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(Failure::System)
}

impl FaceKind {
    fn is_terminal(self) -> bool {
        use std::io::IsTerminal;
        match self {
            Self::Terminal => true,
            Self::None => false,
            Self::Auto => std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
        }
    }
}
