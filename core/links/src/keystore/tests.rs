use tempfile::TempDir;

use super::*;
use crate::system::OsEntropy;

fn keystore(root: &TempDir) -> Result<FileKeystore, Error> {
    FileKeystore::open(root.path().join("keys"), &root.path().join("store"), Arc::new(OsEntropy))
}

fn file(root: &TempDir) -> PathBuf {
    root.path().join("keys/keys")
}

#[tokio::test]
async fn keys_are_made_once_and_stay() {
    let root = TempDir::new().unwrap();
    let first = keystore(&root).unwrap();
    let public = first.create_dh("phone").await.unwrap();
    let sealing = first.sealing_key().await.unwrap();
    let again = keystore(&root).unwrap();
    assert_eq!(again.create_dh("phone").await.unwrap(), public);
    assert_eq!(again.sealing_key().await.unwrap().expose(), sealing.expose());
    assert_ne!(again.create_dh("other").await.unwrap(), public);
}

#[tokio::test]
async fn two_keys_agree() {
    let root = TempDir::new().unwrap();
    let keystore = keystore(&root).unwrap();
    let (a, b) = (keystore.create_dh("a").await.unwrap(), keystore.create_dh("b").await.unwrap());
    let ab = keystore.dh("a", &b).await.unwrap();
    assert_eq!(ab, keystore.dh("b", &a).await.unwrap());
    assert_ne!(ab, keystore.dh("a", &a).await.unwrap());
    assert_eq!(keystore.dh("c", &b).await.unwrap_err().code(), Code::KeystoreFailure, "there is no such key");
}

#[tokio::test]
async fn the_sealing_key_has_no_name_that_a_caller_can_use() {
    let root = TempDir::new().unwrap();
    let keystore = keystore(&root).unwrap();
    keystore.sealing_key().await.unwrap();
    for name in ["", &"n".repeat(256)] {
        assert_eq!(keystore.create_dh(name).await.unwrap_err().code(), Code::BadInput);
    }
}

#[tokio::test]
#[cfg(unix)]
async fn keys_that_others_can_read_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let root = TempDir::new().unwrap();
    let keystore = keystore(&root).unwrap();
    keystore.create_dh("phone").await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file(&root)), 0o600);
    assert_eq!(mode(&root.path().join("keys")), 0o700);
    for open in [0o640, 0o604, 0o620, 0o602, 0o644] {
        fs::set_permissions(file(&root), fs::Permissions::from_mode(open)).unwrap();
        let error = keystore.create_dh("phone").await.unwrap_err();
        assert_eq!(error.code(), Code::KeystoreFailure, "{open:o}");
        assert_eq!(error.detail(), Some(&Detail::Path(fs::canonicalize(file(&root)).unwrap())));
    }
    fs::set_permissions(file(&root), fs::Permissions::from_mode(0o600)).unwrap();
    keystore.create_dh("phone").await.unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_never_overwritten() {
    let root = TempDir::new().unwrap();
    let keystore = keystore(&root).unwrap();
    keystore.create_dh("phone").await.unwrap();
    keystore.sealing_key().await.unwrap();
    let whole = fs::read(file(&root)).unwrap();
    let mut damaged: Vec<Vec<u8>> = (0..whole.len())
        .map(|place| {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            bytes
        })
        .collect();
    damaged.push(Vec::new());
    damaged.push(whole[..whole.len() - 1].to_vec());
    for bytes in damaged {
        // In place: the file keeps its mode.
        fs::write(file(&root), &bytes).unwrap();
        for result in [keystore.create_dh("phone").await.err(), keystore.sealing_key().await.err()] {
            assert_eq!(result.unwrap().code(), Code::KeystoreFailure);
        }
        assert!(fs::read(file(&root)).unwrap() == bytes);
    }
}

#[tokio::test]
async fn a_writing_that_was_cut_changes_nothing() {
    let root = TempDir::new().unwrap();
    let keystore = keystore(&root).unwrap();
    let public = keystore.create_dh("phone").await.unwrap();
    fs::write(root.path().join("keys/keys.new"), b"half").unwrap();
    assert_eq!(keystore.create_dh("phone").await.unwrap(), public);
    keystore.create_dh("other").await.unwrap();
    assert!(!root.path().join("keys/keys.new").exists());
}

#[test]
fn the_key_does_not_lie_with_what_it_locks() {
    let root = TempDir::new().unwrap();
    let store = root.path().join("store");
    for (keys, store) in [
        (store.join("keys"), store.clone()),
        (store.clone(), store.clone()),
        (root.path().to_owned(), store.clone()),
        (root.path().join("a/../store/keys"), store),
    ] {
        fs::create_dir_all(root.path().join("a")).unwrap();
        let error = FileKeystore::open(keys, &store, Arc::new(OsEntropy)).unwrap_err();
        assert_eq!(error.code(), Code::BadInput);
    }
}

#[test]
fn processes_and_threads_make_one_key() {
    let root = TempDir::new().unwrap();
    let stores: Vec<FileKeystore> = (0..8).map(|_| keystore(&root).unwrap()).collect();
    let keys: Vec<PublicKey> = std::thread::scope(|scope| {
        let threads: Vec<_> = stores
            .iter()
            .map(|keystore| {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    runtime.block_on(keystore.create_dh("phone")).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| Some(key) == keys.first()));
}

#[test]
fn a_full_disk_is_no_fault_of_the_keys() {
    let code = |kind: ErrorKind| io_failure(Path::new("keys"), io::Error::from(kind)).code();
    for full in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
        assert_eq!(code(full), Code::DiskFull);
    }
    assert_eq!(code(ErrorKind::PermissionDenied), Code::KeystoreFailure);
}
