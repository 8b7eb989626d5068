use tempfile::TempDir;

use super::*;

fn shell(folder: &TempDir, script: &str) -> OwnProcess {
    let words = ["/bin/sh", "-c", script].map(str::to_owned).into();
    OwnProcess::new("a process", words, folder.path().join("log"))
}

#[tokio::test]
async fn one_that_ends_at_once_says_why() {
    let folder = TempDir::new().unwrap();
    let mut process = shell(&folder, "echo first; echo that is why >&2; exit 3");
    let failure = process.start(async |_| false).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Unavailable);
    assert!(failure.message.contains("a process ended at once"), "{failure:?}");
    assert!(failure.hint.unwrap().contains("first | that is why"));
    let mut nothing = OwnProcess::new("nothing", vec!["/no/such".to_owned()], folder.path().join("log"));
    assert_eq!(nothing.start(async |_| true).await.unwrap_err().exit, Exit::Error);
}

#[tokio::test]
async fn killed_it_is_gone_with_all_that_it_started() {
    let folder = TempDir::new().unwrap();
    let mut process = shell(&folder, "sleep 1000 & sleep 1000 & echo ready; wait");
    let log = folder.path().join("log");
    let is_ready = async |_| std::fs::read_to_string(&log).unwrap().contains("ready");
    process.start(is_ready).await.unwrap();
    let first = process.pid().unwrap();
    let children = family::called(first, "sleep");
    assert_eq!(children.len(), 2);
    process.signal(Signal::STOP);
    process.signal(Signal::CONT);
    assert!(!children.iter().any(|&child| family::is_gone(child)));
    process.kill().await;
    assert!(children.into_iter().chain([first]).all(family::is_gone));
    assert_eq!(process.pid(), None);
    // And again, as often as one likes.
    process.start(async |_| true).await.unwrap();
    assert!(process.pid().is_some());
}

/// Where the kernel lets nobody mount anything there is no disk, but on a build machine.
#[tokio::test]
async fn a_small_disk_is_full_and_has_room_again() {
    let mounted = SmallDisk::mount(&Host::real(), 1).await;
    let Ok(disk) = mounted else {
        assert_eq!(Host::real().env("CI"), None, "{mounted:?}");
        return;
    };
    let file = disk.path().join("file");
    std::fs::write(&file, vec![1; 10_000]).unwrap();
    assert!(!disk.inside().join("file").exists(), "it is on the inside alone");
    disk.fill().unwrap();
    let refused = std::fs::write(disk.path().join("another"), vec![1; 10_000]).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull);
    disk.clear().unwrap();
    std::fs::write(disk.path().join("another"), vec![1; 10_000]).unwrap();
    let words = disk.words();
    let seen = std::process::Command::new(&words[0])
        .args(&words[1..])
        .args(["cat", &disk.inside().join("file").display().to_string()])
        .output()
        .unwrap();
    assert_eq!(seen.stdout, vec![1; 10_000], "{seen:?}");
}

/// Without the library there is no clock, but on a build machine.
#[test]
fn a_clock_is_set_and_set_right_again() {
    let Ok(clock) = OwnClock::find() else {
        assert_eq!(Host::real().env("CI"), None, "libfaketime is missing");
        return;
    };
    let off_seconds = || {
        let told = std::process::Command::new("date").arg("+%s").envs(clock.environment()).output().unwrap();
        let told: i64 = String::from_utf8(told.stdout).unwrap().trim().parse().unwrap();
        told - Host::real().now().as_millis() / 1000
    };
    for offset in [3_600, -3_600, 0] {
        clock.set(offset).unwrap();
        assert!((offset - 30..=offset + 30).contains(&off_seconds()), "{offset}");
    }
}

#[test]
fn ports_are_all_different() {
    let mut ports = free_addresses::<20>().unwrap().map(|address| address.port());
    ports.sort_unstable();
    assert!(ports.is_sorted_by(|one, next| one < next));
}
