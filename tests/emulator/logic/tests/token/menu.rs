use ushield_protocol::render::Profile;
use ushield_token::Key;

use super::world::{Phone, World};

#[test]
fn the_idle_screen_says_who_it_is_and_what_keys_do() {
    let mut world = World::new();
    let lines: Vec<String> = world.screen().lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "USD");
    assert_eq!(lines[1], "U-Shield d1d1");
    assert_eq!(lines[2], "Phones paired: 0");
    assert!(lines[3].contains("Change PIN") && lines[5].contains("OK menu"));
    world.press_all(&[Key::Cancel, Key::Up, Key::Down]);
    assert_eq!(world.screen().lines().next(), Some("USD"));
}

#[test]
fn the_menu_leads_everywhere_and_back() {
    let mut world = World::new();
    world.press(Key::Ok);
    assert!(world.shows("> PAIR A PHONE"));
    world.press_all(&[Key::Down, Key::Down, Key::Down]);
    assert!(world.shows("> ABOUT"));
    world.press(Key::Ok);
    assert!(
        world.shows("d1d1d1d1d1d1d1d1") && world.shows("USHDCNBJXXX") && world.shows("1.0"),
        "{}",
        world.screen()
    );
    world.press(Key::Cancel);
    world.press_all(&[Key::Down, Key::Ok]);
    assert!(world.shows("No phone is paired"), "{}", world.screen());
    world.press_all(&[Key::Ok, Key::Up, Key::Down, Key::Cancel, Key::Cancel]);
    assert!(world.shows("OK menu"), "{}", world.screen());
}

#[test]
fn a_phone_is_forgotten_by_key_and_hung_up_on() {
    let (mut world, phone) = World::ready();
    world.press_all(&[Key::Cancel, Key::Ok, Key::Down, Key::Ok]);
    assert!(world.shows("PHONES 1/1"), "{}", world.screen());
    world.press(Key::Ok);
    assert!(world.shows("FORGET THIS PHONE"));
    world.press(Key::Cancel);
    assert!(world.shows("PHONES 1/1"));
    assert_eq!(world.info().phones, 1);
    world.press_all(&[Key::Ok, Key::Ok]);
    assert!(world.disconnected && world.shows("forgotten"), "{}", world.screen());
    let nonce = world.connect().nonce;
    let (_, k1) = world.k1(&phone, &nonce);
    world.send(ushield_protocol::message::Kind::Connect, &k1);
    assert_eq!(world.take_refusal(), Some(ushield_protocol::code::Code::UnknownPhone));
}

#[test]
fn messages_go_back_to_idle_by_themselves_or_by_a_key() {
    for key in [None, Some(Key::Ok), Some(Key::Up)] {
        let (mut world, _) = World::ready();
        let (_, order) = world.a_transfer();
        world.show(&order);
        world.press(Key::Cancel);
        assert!(world.shows("Rejected"));
        match key {
            Some(key) => world.press(key),
            None => world.wait(5),
        }
        assert!(world.shows("OK menu"), "{}", world.screen());
    }
}

#[test]
fn an_order_replaces_the_menu_and_closes_pairing_mode() {
    let (mut world, _) = World::ready();
    let (_, order) = world.a_transfer();
    world.press_all(&[Key::Cancel, Key::Ok, Key::Ok]);
    assert!(world.shows("PAIR A PHONE"));
    world.show(&order);
    assert!(world.shows("TRANSFER"));
    world.press(Key::Cancel);
    assert!(!world.connect().pairing);
}

#[test]
fn chinese_tokens_speak_chinese() {
    let mut world = World::with_profile(Profile::Zh1);
    assert!(world.shows("OK菜单") && world.shows("请先在手机上修改PIN"), "{}", world.screen());
    world.press_all(&[Key::Ok, Key::Ok]);
    assert!(world.shows("配对手机"));
    world.connect();
    world.pair_until_digits(&Phone::new(1));
}
