//! Embeds the migrations: must not do anything else.

fn main() {
    // `sqlx::migrate!` reads the folder when it is expanded, which cargo cannot see.
    println!("cargo::rerun-if-changed=migrations");
}
