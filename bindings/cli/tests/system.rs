//! The program with a bank and a token: each a real one, in this process, over real sockets.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

use std::path::PathBuf;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use ushield_bank::{Bank, Config};
use ushield_e2e::pages::Ask;
use ushield_e2e::phone::PASSWORD;
use ushield_e2e::scene::{ACCOUNT, CUSTOMER, Scene};
use ushield_e2e::token::Token;
use ushield_e2e::wait::bounded;
use ushield_emulator::runner::Key;
use ushield_protocol::render::Locale;

const PIN: &str = "246813";

/// A phone: the folder of the program's data.
struct Phone(PathBuf);

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// The program while it runs, with `--json`.
struct Running {
    child: Child,
    moments: Lines<BufReader<ChildStderr>>,
}

impl Phone {
    async fn set_up(scene: &Scene, token: &Token) -> Self {
        let folder = scene.phone_folder("program");
        std::fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.join(name);
            std::fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let root = STANDARD.encode(scene.maker.root_der());
        let root = format!("-----BEGIN CERTIFICATE-----\n{root}\n-----END CERTIFICATE-----\n");
        let (ca, trust, root) = (
            file("ca.pem", scene.bank.ca_pem().as_bytes()),
            file("trust.json", &serde_json::to_vec(&scene.bank.trust()).unwrap()),
            file("root.pem", root.as_bytes()),
        );
        let phone = Self(folder);
        let link = format!("tcp:{}", token.line.address());
        let init = [
            "init",
            "--bank",
            scene.bank.url(),
            "--bank-ca",
            &ca,
            "--trust",
            &trust,
            "--maker-root",
            &root,
            "--customer",
            CUSTOMER,
            "--phone",
            "program",
            "--token",
            &link,
        ];
        let ran = phone.runs(&init, &[&format!("password={PASSWORD}")]).await;
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        phone
    }

    /// Paired with this token, which gets its PIN.
    async fn pair(&self, token: &Token) {
        let link = format!("tcp:{}", token.line.address());
        token.hand().open_pairing().await;
        let mut pairing = self.starts(&["token", "pair", "--link", &link], &[]);
        let digits = pairing.told("compare-digits").await["digits"].as_str().unwrap().to_owned();
        token.hand().see("the digits", |page| page.digits() == Some(&digits)).await;
        let mut answer = pairing.child.stdin.take().unwrap();
        answer.write_all(format!("token-digits={digits}\n").as_bytes()).await.unwrap();
        pairing.told("press-ok-on-token").await;
        token.hand().answer("配对手机", Key::Ok).await;
        let ran = pairing.ends().await;
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        let device = token.device().device_id.to_string();
        let secrets = ["pin=12345678", &format!("new-pin={PIN}")];
        token.hand().acknowledge().await;
        let mut change = self.starts(&["pin", "change", "--link", &link, "--device", &device], &secrets);
        change.told("press-ok-on-token").await;
        token.hand().answer("修改PIN", Key::Ok).await;
        let ran = change.ends().await;
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        token.hand().acknowledge().await;
    }

    async fn certify(&self, token: &Token) {
        let mut download = self.starts(&["certificate", "download"], &[&format!("pin={PIN}")]);
        download.told("review-on-token").await;
        token.hand().read_order().await;
        token.hand().press(Key::Ok).await;
        let ran = download.ends().await;
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        token.hand().acknowledge().await;
    }

    fn command(&self, args: &[&str], secrets: &[&str]) -> Command {
        let file = self.0.join("secrets");
        std::fs::write(&file, secrets.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        let mut command = Command::new("/bin/sh");
        command.env_clear().args(["-c", r#"secrets=$1; shift; exec "$@" 3<"$secrets""#, "sh"]).arg(file);
        command.arg(env!("CARGO_BIN_EXE_ushield")).args(args).arg("--home").arg(self.0.join("home"));
        command.args(["--secrets-fd", "3", "--lang", "en"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    fn starts(&self, args: &[&str], secrets: &[&str]) -> Running {
        let mut child = self.command(&[args, &["--json"]].concat(), secrets).spawn().unwrap();
        let moments = BufReader::new(child.stderr.take().unwrap()).lines();
        Running { child, moments }
    }

    async fn runs(&self, args: &[&str], secrets: &[&str]) -> Ran {
        let output = bounded("the program's end", self.command(args, secrets).output()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    async fn orders(&self) -> Vec<Value> {
        let ran = self.runs(&["history", "--json"], &[]).await;
        ran.json()["orders"].as_array().unwrap().clone()
    }

    async fn transfers(&self) -> Vec<Value> {
        let mut orders = self.orders().await;
        orders.retain(|order| order["certificate_download"].is_null());
        orders
    }
}

impl Running {
    async fn told(&mut self, name: &str) -> Value {
        let told = async {
            while let Some(line) = self.moments.next_line().await.unwrap() {
                let moment: Value = serde_json::from_str(&line).unwrap();
                if moment["moment"] == name {
                    return moment;
                }
            }
            panic!("ended without {name}")
        };
        bounded(name, told).await
    }

    async fn ends(mut self) -> Ran {
        let end = async {
            let (mut out, mut err) = (String::new(), String::new());
            self.child.stdout.take().unwrap().read_to_string(&mut out).await.unwrap();
            while let Some(line) = self.moments.next_line().await.unwrap() {
                err.push_str(&line);
                err.push('\n');
            }
            Ran { code: self.child.wait().await.unwrap().code().unwrap_or(-1), out, err }
        };
        bounded("the program's end", end).await
    }
}

fn transfer(amount: &str) -> Vec<&str> {
    vec![
        "transfer",
        "--from",
        ACCOUNT,
        "--to",
        "6217001210024455220",
        "--name",
        "韩梅梅",
        "--agent",
        "中国建设银行",
        "--amount",
        amount,
        "--currency",
        "CNY",
    ]
}

/// Nothing was written down: nothing is said to be kept.
#[tokio::test]
async fn a_bank_that_is_away_before_the_first_word_keeps_nothing() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = Phone::set_up(&scene, &token).await;
    phone.pair(&token).await;
    let data = scene.bank_folder();
    let port = scene.bank.url().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
    let address = (std::net::Ipv4Addr::LOCALHOST, port).into();
    let (bank, clock) = (scene.bank, scene.clock);
    bank.stop().await.unwrap();
    let password = format!("password={PASSWORD}");
    for signed_in in [true, false] {
        if !signed_in {
            let again = Config { clock: clock.clone(), listen: address, ..Config::new(&data) };
            let bank = Bank::start(again).await.unwrap();
            // By the bank's clock the session is over.
            clock.advance(86_400);
            assert_eq!(
                phone.runs(&["accounts", "--json"], &[]).await.json()["error"]["name"],
                "secret-missing"
            );
            bank.stop().await.unwrap();
        }
        let ran = phone.runs(&[transfer("1234.50"), vec!["--json"]].concat(), &[&password]).await;
        let said = ran.json();
        assert_eq!((ran.code, said["error"]["name"].as_str()), (10, Some("bank-unreachable")), "{said}");
        assert!(said["status"] == "not-requested" && said["request_id"].is_null(), "{said}");
        let ran = phone.runs(&transfer("1234.50"), &[&password]).await;
        assert!(ran.err.contains("Nothing was ordered") && !ran.err.contains("is kept"), "{}", ran.err);
        assert_eq!(phone.transfers().await, Vec::<Value>::new());
    }
}

/// Which order, at which token, for whom; then how it ended; each as soon as it is known.
#[tokio::test]
async fn resume_says_which_order_it_is_about_and_names_the_token_it_wants() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = Phone::set_up(&scene, &token).await;
    phone.pair(&token).await;
    phone.certify(&token).await;
    let ran = phone.runs(&[transfer("1234.50"), vec!["--json"]].concat(), &[]).await;
    assert_eq!(
        (ran.json()["error"]["name"].as_str(), ran.json()["status"].as_str()),
        (Some("secret-missing"), Some("open"))
    );
    let id = ran.json()["order_id"].as_str().unwrap().to_owned();

    // Another token's id: the order is not touched.
    let other = phone.runs(&["resume", "--device", "00112233445566778899aabbccddeeff"], &[]).await;
    assert_eq!(other.code, 2, "{}", other.err);
    assert!(
        other.err.contains("--device") && other.err.contains(&token.device().device_id.to_string()),
        "{}",
        other.err
    );

    let mut going = phone.starts(&["resume"], &[&format!("pin={PIN}")]);
    let about = going.told("resuming").await;
    assert_eq!(
        (about["order_id"].as_str(), about["token"].as_str()),
        (Some(id.as_str()), Some("U-Shield 01"))
    );
    going.told("review-on-token").await;
    token.hand().read_order().await;
    token.hand().press(Key::Ok).await;
    let ended = going.told("resumed").await;
    assert_eq!(ended["order"]["outcome"], "executed");
    let ran = going.ends().await;
    assert_eq!((ran.code, ran.json()["orders"].as_array().unwrap().len()), (0, 1));
    token.hand().acknowledge().await;

    // The same in words, with an order that has ended at the bank meanwhile.
    let ran = phone.runs(&[transfer("77.00"), vec!["--json"]].concat(), &[]).await;
    let id = ran.json()["order_id"].as_str().unwrap().to_owned();
    let ran = phone.runs(&["resume"], &[]).await;
    let line = ran.err.lines().find(|line| line.contains(&id)).unwrap();
    for part in ["77.00", "韩梅梅", "6217001210024455220", "U-Shield 01"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(ran.out.contains("secret-missing"), "{}", ran.out);
}

/// An app that dies after OK: `resume` is not done before the token has its certificate.
#[tokio::test]
async fn a_resumed_certificate_is_on_the_token_before_resume_is_done() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = Phone::set_up(&scene, &token).await;
    phone.pair(&token).await;
    let mut download = phone.starts(&["certificate", "download"], &[&format!("pin={PIN}")]);
    download.told("review-on-token").await;
    download.child.kill().await.unwrap();
    let mut going = phone.starts(&["resume"], &[&format!("pin={PIN}")]);
    going.told("review-on-token").await;
    token.hand().read_order().await;
    token.hand().press(Key::Ok).await;
    let ran = going.ends().await;
    assert_eq!((ran.code, ran.json()["orders"][0]["outcome"].as_str()), (0, Some("executed")), "{}", ran.out);
    token.hand().acknowledge().await;
    let info = phone.runs(&["token", "info", "--json"], &[]).await.json();
    assert!(info["keys"]["pay"].is_string(), "{info}");
    let shown = phone.runs(&["certificate", "show", "--json"], &[]).await.json();
    assert_eq!(shown["due"], json!(false));
}

#[tokio::test]
async fn of_several_tokens_one_has_to_be_named_and_the_wrong_one_is_said_to_be_that() {
    let scene = Scene::open().await;
    let (one, two) = (scene.token().await, scene.token_in(Locale::Zh, 2).await);
    let phone = Phone::set_up(&scene, &one).await;
    phone.pair(&one).await;
    phone.pair(&two).await;
    let ids = [&one, &two].map(|token| token.device().device_id.to_string());
    for command in
        [vec!["token", "info"], vec!["pin", "change"], vec!["certificate", "show"], transfer("1.00")]
    {
        let ran = phone.runs(&command, &[]).await;
        assert_eq!(ran.code, 2, "{command:?}: {}", ran.err);
        assert!(ran.err.contains("--device") && ids.iter().all(|id| ran.err.contains(id)), "{}", ran.err);
    }
    // The one that is named is not the one that is there.
    let ran = phone.runs(&["token", "info", "--device", &ids[1]], &[]).await;
    assert_eq!(ran.code, 12, "{}", ran.err);
    assert!(ran.err.contains("wrong-token") && ids.iter().all(|id| ran.err.contains(id)), "{}", ran.err);
}

/// A PIN that is typed after OK is compared at the next OK: that is said.
#[tokio::test]
async fn a_late_pin_is_followed_by_what_to_do_next() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = Phone::set_up(&scene, &token).await;
    phone.pair(&token).await;
    phone.certify(&token).await;
    // Shown, and then killed; after a minute without a key the token has forgotten the PIN.
    let mut first = phone.starts(&transfer("1234.50"), &[&format!("pin={PIN}")]);
    first.told("review-on-token").await;
    first.child.kill().await.unwrap();
    token.pass(std::time::Duration::from_secs(61)).await;
    let mut going = phone.starts(&["resume"], &[&format!("pin={PIN}")]);
    going.told("review-on-token").await;
    token.hand().read_order().await;
    token.hand().press(Key::Ok).await;
    going.told("pin-needed").await;
    going.told("pin-given").await;
    token.hand().see("the order", |page| page.ask() == Ask::Decide).await;
    token.hand().press(Key::Ok).await;
    let ran = going.ends().await;
    assert_eq!((ran.code, ran.json()["orders"][0]["outcome"].as_str()), (0, Some("executed")), "{}", ran.out);
}
