//! The program as it is started: help, options, errors, languages, secrets. No network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const ORDER: &str = "18f234df-2d91-4724-890c-d2e45466180d";

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        assert_eq!(self.out.trim().lines().count(), 1, "one object: {}", self.out);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ushield"));
    command.env_clear().stdin(Stdio::null());
    command
}

fn ended(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn run(args: &[&str]) -> Ran {
    ended(command().args(args).output().unwrap())
}

/// With `secrets` as the content of descriptor 3.
fn run_with_secrets(args: &[&str], secrets: &Path) -> Ran {
    let script = r#"secrets=$1; shift; exec "$@" 3<"$secrets""#;
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().stdin(Stdio::null()).args(["-c", script, "sh"]).arg(secrets);
    ended(shell.arg(env!("CARGO_BIN_EXE_ushield")).args(args).output().unwrap())
}

/// A folder that was set up without a bank at the other end.
fn set_up() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home").to_str().unwrap().to_owned();
    let ran = init(folder.path(), &["--home", &home, "--no-sign-in", "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    (folder, home)
}

fn init(folder: &Path, more: &[&str]) -> Ran {
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (ca, root, trust) = (file("ca.pem"), file("root.pem"), file("trust.json"));
    if !Path::new(&root).exists() {
        for to in [&ca, &root] {
            fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/root.pem"), to).unwrap();
        }
        fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/trust.json"), &trust).unwrap();
    }
    let args = [
        "init",
        "--bank",
        "https://127.0.0.1:9",
        "--bank-ca",
        &ca,
        "--trust",
        &trust,
        "--maker-root",
        &root,
        "--customer",
        "li",
        "--phone",
        "Li's laptop",
        "--token",
        "tcp:127.0.0.1:9",
    ];
    run(&[&args[..], more].concat())
}

fn transfer(amount: &str, currency: &str) -> Ran {
    run(&[
        "transfer",
        "--to",
        "6217001210024455220",
        "--name",
        "韩梅梅",
        "--agent",
        "中国建设银行",
        "--from",
        "6222021001116245702",
        "--amount",
        amount,
        "--currency",
        currency,
        "--home",
        "/nonexistent",
        "--lang",
        "en",
    ])
}

#[test]
fn help_explains_and_names_every_exit_code() {
    let help = run(&["--help"]);
    assert_eq!(help.code, 0);
    for part in [
        "ushield init --bank",
        " 2 ",
        "10 ",
        "11 ",
        "12 ",
        "13 ",
        "20 ",
        "21 ",
        "22 ",
        "23 ",
        "--secrets-fd",
        "~/.ushield",
    ] {
        assert!(help.out.contains(part), "{part}");
    }
    assert_eq!(run(&["--version"]).out.trim(), format!("ushield {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_command_has_a_help_with_an_example() {
    for command in [
        &["init"][..],
        &["sign-in"],
        &["accounts"],
        &["token", "list"],
        &["token", "pair"],
        &["token", "info"],
        &["token", "forget"],
        &["pin", "change"],
        &["certificate", "download"],
        &["certificate", "show"],
        &["transfer"],
        &["resume"],
        &["history"],
        &["cancel"],
        &["conform"],
        &["completions"],
    ] {
        let help = run(&[command, &["--help"]].concat());
        assert_eq!(help.code, 0, "{command:?}");
        assert!(
            help.out.contains(&format!("Example: ushield {}", command.join(" "))),
            "{command:?}: {}",
            help.out
        );
    }
}

#[test]
fn nothing_said_is_the_help_and_no_success() {
    let ran = run(&[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("Usage: ushield"));
}

#[test]
fn completions_are_scripts_that_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(&["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}");
        for word in ["transfer", "certificate", "secrets-fd"] {
            assert!(ran.out.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(run(&["completions", "cmd"]).code, 2);
}

#[test]
fn an_option_that_cannot_be_used_is_named() {
    for (args, flag) in [
        (&["accounts", "--link", "127.0.0.1:7340"][..], "--link"),
        (&["accounts", "--secrets-fd", "three"], "--secrets-fd"),
        (&["accounts", "--lang", "fr"], "--lang"),
        (&["accounts", "--device", "12"], "--device"),
        (&["token", "forget", "--phone", "zz"], "--phone"),
        (&["token", "forget", "--here", "--phone", "0011223344556677"], "--here"),
        (&["cancel", "18f234df"], "ORDER"),
        (&["transfer", "--scheme", "swift"], "--scheme"),
        (&["transfer", "--currency", "cny"], "--currency"),
        (&["transfer", "--date", "2027-02-29"], "--date"),
        (&["init", "--bank"], "--bank"),
        (&["token", "pair", "--yes"], "--yes"),
        (&["pin", "change", "--pin", "123456"], "--pin"),
    ] {
        let ran = run(args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.err.contains(flag) && ran.out.is_empty(), "{args:?}: {}", ran.err);
        let ran = run(&[args, &["--json"]].concat());
        assert_eq!(ran.code, 2, "{args:?}");
        let error = &ran.json()["error"];
        assert_eq!(error["name"], "bad-input");
        assert!(error["flag"].as_str().unwrap().contains(flag), "{args:?}: {error}");
    }
}

#[test]
fn an_amount_is_digits_and_no_more_of_them_than_the_currency_has() {
    for (amount, currency, word) in [
        ("12.345", "CNY", "CNY has 2"),
        ("1.5", "JPY", "JPY has 0"),
        ("1,234.50", "CNY", "not an amount"),
        ("-5", "CNY", "not an amount"),
        ("1e3", "CNY", "not an amount"),
        ("0.00", "CNY", "not between"),
        ("99999999999999999999", "CNY", "not between"),
    ] {
        let ran = transfer(amount, currency);
        assert_eq!(ran.code, 2, "{amount}");
        assert!(ran.err.contains("--amount") && ran.err.contains(word), "{amount}: {}", ran.err);
    }
    // A good one gets as far as the folder that is not there.
    let ran = transfer("1234.50", "CNY");
    assert_eq!(ran.code, 12, "{}", ran.err);
    assert!(ran.err.contains("not-set-up"), "{}", ran.err);
}

#[test]
fn not_set_up_is_said_in_both_languages_and_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    for args in [&["accounts"][..], &["token", "list"], &["history"], &["resume"], &["cancel", ORDER]] {
        let with = |more: &[&str]| run(&[args, &["--home", home], more].concat());
        let (zh, en, json) = (with(&["--lang", "zh"]), with(&["--lang", "en"]), with(&["--json"]));
        assert_eq!((zh.code, en.code, json.code), (12, 12, 12), "{args:?}");
        assert!(
            zh.err.contains("not-set-up") && zh.err.chars().any(|c| ('一'..='龥').contains(&c)),
            "{}",
            zh.err
        );
        assert!(en.err.contains("Not set up") && en.err.contains('→'), "{}", en.err);
        assert!(zh.out.is_empty() && en.out.is_empty() && json.err.is_empty());
        let error = &json.json()["error"];
        assert_eq!((error["name"].as_str(), error["code"].as_u64()), (Some("not-set-up"), Some(0x305)));
        assert_eq!((error["class"].as_str(), error["fault"].as_str()), (Some("act"), Some("customer")));
        for text in ["title", "what", "remedy"] {
            assert!(!error[text].as_str().unwrap().is_empty(), "{text}");
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn the_language_is_that_of_the_environment_unless_named() {
    let said = |variables: &[(&str, &str)], args: &[&str]| {
        let args = [&["accounts", "--home", "/nonexistent", "--json"], args].concat();
        let ran = ended(command().envs(variables.iter().copied()).args(args).output().unwrap());
        ran.json()["error"]["title"].as_str().unwrap().to_owned()
    };
    let (zh, en) = (said(&[], &["--lang", "zh"]), said(&[], &["--lang", "en"]));
    assert_ne!(zh, en);
    assert_eq!(said(&[("LANG", "zh_CN.UTF-8")], &[]), zh);
    assert_eq!(said(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")], &[]), en);
    assert_eq!(said(&[("LANG", "zh_CN.UTF-8")], &["--lang", "en"]), en);
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let coloured = |variables: &[(&str, &str)], colour: &str| {
        let args = ["accounts", "--home", "/nonexistent", "--color", colour];
        let ran = ended(command().envs(variables.iter().copied()).args(args).output().unwrap());
        ran.err.contains('\u{1b}')
    };
    assert!(coloured(&[], "always") && coloured(&[("NO_COLOR", "1")], "always"));
    assert!(!coloured(&[], "auto") && !coloured(&[], "never"));
}

#[test]
fn init_makes_a_home_for_its_owner_alone_and_may_be_repeated() {
    let (folder, home) = set_up();
    #[cfg(unix)]
    for name in ["", "data", "keys"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(Path::new(&home).join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
    }
    assert!(Path::new(&home).join("bank-ca.pem").exists());
    let again = init(folder.path(), &["--home", &home, "--no-sign-in", "--json"]);
    assert_eq!((again.code, again.json()["customer"].as_str()), (0, Some("li")), "{}", again.err);
    let ran = run(&["token", "list", "--home", &home, "--json"]);
    assert_eq!(ran.json()["tokens"], serde_json::json!([]));
    let ran = run(&["history", "--home", &home, "--json"]);
    assert_eq!((ran.code, ran.json()), (0, serde_json::json!({"orders": []})));
}

#[test]
fn init_names_the_file_that_is_at_fault_and_sets_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home").to_str().unwrap().to_owned();
    init(folder.path(), &["--home", "/dev/null/x", "--no-sign-in"]);
    for (name, content, flag) in [
        ("trust.json", "{}", "--trust"),
        ("trust.json", r#"{"bank_id":"x","name":"Bank","root":"00"}"#, "--trust"),
        ("ca.pem", "no certificate", "--bank-ca"),
        ("root.pem", "no certificate", "--maker-root"),
    ] {
        let path = folder.path().join(name);
        let good = fs::read(&path).unwrap();
        fs::write(&path, content).unwrap();
        let ran = init(folder.path(), &["--home", &home, "--no-sign-in", "--json"]);
        fs::write(&path, good).unwrap();
        assert_eq!(ran.code, 2, "{}", ran.out);
        assert_eq!(ran.json()["error"]["flag"], flag, "{}", ran.out);
        assert_eq!(run(&["history", "--home", &home, "--json"]).json()["error"]["name"], "not-set-up");
    }
    let ran = run(&[
        "init",
        "--bank",
        "https://b",
        "--bank-ca",
        "/nonexistent/ca.pem",
        "--trust",
        "t",
        "--maker-root",
        "m",
        "--customer",
        "c",
        "--phone",
        "p",
        "--token",
        "tcp:h:1",
        "--home",
        &home,
        "--json",
    ]);
    assert_eq!((ran.code, ran.json()["error"]["flag"].as_str()), (2, Some("--bank-ca")));
}

#[test]
fn a_secret_that_nobody_can_be_asked_for_is_missing() {
    let (folder, home) = set_up();
    let ran = run(&["sign-in", "--home", &home, "--json"]);
    assert_eq!((ran.code, ran.json()["error"]["name"].as_str()), (12, Some("secret-missing")));
    assert_eq!(ran.json()["error"]["field"], "password");
    let secrets = folder.path().join("secrets");
    fs::write(&secrets, "pin=246813\n").unwrap();
    let ran = run_with_secrets(&["sign-in", "--home", &home, "--json", "--secrets-fd", "3"], &secrets);
    assert_eq!(ran.json()["error"]["name"], "secret-missing", "a PIN is no password");
}

#[test]
fn a_secret_goes_from_its_descriptor_to_the_bank_and_nowhere_else() {
    let (folder, home) = set_up();
    let secrets = folder.path().join("secrets");
    fs::write(&secrets, "pin=246813\npassword=correct horse\n").unwrap();
    let args = ["sign-in", "--home", &home, "--json", "-vv", "--secrets-fd", "3"];
    let ran = run_with_secrets(&args, &secrets);
    // Taken: the next thing is the bank, which is not there.
    assert_eq!(
        (ran.code, ran.json()["error"]["name"].as_str()),
        (10, Some("bank-unreachable")),
        "{}",
        ran.out
    );
    assert!(ran.err.lines().any(|line| line == r#"{"moment":"signing-in"}"#), "{}", ran.err);
    for text in [&ran.out, &ran.err] {
        assert!(!text.contains("horse") && !text.contains("246813"), "{text}");
    }
}

#[test]
fn lines_that_are_no_secrets_and_descriptors_that_are_closed_are_refused() {
    let (folder, home) = set_up();
    let secrets = folder.path().join("secrets");
    fs::write(&secrets, "passwort=hunter2\n").unwrap();
    let args = ["sign-in", "--home", &home, "--json", "--secrets-fd", "3"];
    let ran = run_with_secrets(&args, &secrets);
    let error = &ran.json()["error"];
    assert_eq!((error["name"].as_str(), error["flag"].as_str()), (Some("bad-input"), Some("--secrets-fd")));
    assert!(!ran.out.contains("hunter2"));
    let ran = run(&["sign-in", "--home", &home, "--json", "--secrets-fd", "97"]);
    assert_eq!((ran.code, ran.json()["error"]["flag"].as_str()), (2, Some("--secrets-fd")));
}

#[test]
fn a_token_that_is_not_paired_or_not_there_is_said() {
    let (_folder, home) = set_up();
    for args in
        [&["token", "info"][..], &["pin", "change"], &["certificate", "show"], &["token", "forget", "--here"]]
    {
        let ran = run(&[args, &["--home", &home, "--json"]].concat());
        assert_eq!((ran.code, ran.json()["error"]["name"].as_str()), (12, Some("not-paired")), "{args:?}");
    }
    let ran = run(&["token", "pair", "--home", &home, "--json"]);
    assert_eq!((ran.code, ran.json()["error"]["name"].as_str()), (12, Some("token-not-found")));
    let moments: Vec<Value> = ran.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(moments, [serde_json::json!({"moment": "connecting", "link": "TCP 127.0.0.1:9"})]);
}

#[test]
fn a_damaged_store_is_set_aside_and_said_loudly() {
    let (_folder, home) = set_up();
    let database = Path::new(&home).join("data/store/data.db");
    let mut content = fs::read(&database).unwrap();
    content.iter_mut().skip(100).for_each(|byte| *byte ^= 0x55);
    fs::write(&database, content).unwrap();
    let ran = run(&["history", "--home", &home, "--json"]);
    assert_eq!((ran.code, ran.json()["error"]["name"].as_str()), (12, Some("not-set-up")));
    let moment: Value = serde_json::from_str(ran.err.lines().next().unwrap()).unwrap();
    assert_eq!(
        (moment["moment"].as_str(), moment["error"]["name"].as_str()),
        (Some("store-set-aside"), Some("store-corrupt"))
    );
    assert!(Path::new(moment["path"].as_str().unwrap()).join("data.db").exists(), "{moment}");
}

#[test]
fn a_second_program_on_the_same_store_is_told_who_has_it() {
    let (_folder, home) = set_up();
    let path = Path::new(&home).join("data/store.lock");
    let lock = File::options().read(true).write(true).open(&path).unwrap();
    lock.lock().unwrap();
    fs::write(&path, "4242 another\n").unwrap();
    let ran = run(&["resume", "--home", &home, "--json"]);
    let error = &ran.json()["error"];
    assert_eq!((ran.code, error["name"].as_str()), (12, Some("store-locked")));
    assert_eq!(error["detail"]["holder"], serde_json::json!({"pid": 4242, "program": "another"}));
    // Looking needs no lock.
    let look = |args: &[&str]| run(&[args, &["--home", &home, "--json"]].concat());
    assert_eq!(look(&["history"]).json(), serde_json::json!({"orders": []}));
    assert_eq!(look(&["token", "list"]).json()["tokens"], serde_json::json!([]));
    assert_eq!(look(&["certificate", "show"]).json()["error"]["name"], "not-paired");
    assert_eq!(look(&["token", "info"]).json()["error"]["name"], "store-locked");
    drop(lock);
    assert_eq!(look(&["token", "info"]).json()["error"]["name"], "not-paired");
}

#[test]
fn a_store_whose_key_is_gone_is_not_set_aside() {
    let (_folder, home) = set_up();
    fs::remove_file(Path::new(&home).join("keys/keys")).unwrap();
    let ran = run(&["history", "--home", &home, "--json"]);
    assert_eq!(
        (ran.code, ran.json()["error"]["name"].as_str()),
        (12, Some("keystore-failure")),
        "{}",
        ran.err
    );
    assert!(Path::new(&home).join("data/store/data.db").exists());
    assert!(!Path::new(&home).join("data/store.corrupt-1").exists());
}

fn conform(keys: &Path, more: &[&str]) -> Ran {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/root.pem");
    let keys = keys.to_str().unwrap();
    let args = [
        "conform",
        "--token",
        "tcp:127.0.0.1:9",
        "--keys",
        keys,
        "--maker",
        root,
        "--home",
        "/nonexistent",
        "--lang",
        "en",
    ];
    run(&[&args[..], more].concat())
}

#[test]
fn conform_names_the_option_at_fault_before_it_touches_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let ran = conform(folder.path(), &[]);
    assert!(ran.code == 2 && ran.err.contains("--keys") && ran.err.contains("root.key"), "{}", ran.err);
    fs::create_dir(folder.path().join("keys")).unwrap();
    for (at, name) in ["root", "transfer", "certificate"].iter().enumerate() {
        let key = format!("{:064x}\n", at + 1);
        fs::write(folder.path().join("keys").join(format!("{name}.key")), key).unwrap();
    }
    let ran = conform(folder.path(), &[]);
    assert!(ran.code == 2 && ran.err.contains("--face"), "nobody at a terminal: {}", ran.err);
    for url in ["127.0.0.1:1", "https://127.0.0.1:1", "http://host:1", "http://127.0.0.1:1"] {
        let ran = conform(folder.path(), &["--face", url]);
        assert!(ran.code == 2 && ran.err.contains("--face"), "{url}: {}", ran.err);
    }
    fs::write(folder.path().join("keys/transfer.key"), "00").unwrap();
    let ran = conform(folder.path(), &["--json"]);
    assert_eq!((ran.code, ran.json()["error"]["flag"].as_str()), (2, Some("--keys")));
    assert!(ran.json()["error"]["what"].as_str().unwrap().contains("transfer.key"));
}
