//! Readings from files as a system has them, and from this one.
#![allow(clippy::unwrap_used)]
#![allow(clippy::float_cmp, reason = "quotients of small whole numbers, written as they come out")]

use tempfile::TempDir;

use super::*;

/// A system with these files, and a machine of 1 GiB of which the process has a quarter.
fn system(files: &[(&str, &str)]) -> (TempDir, System) {
    let root = TempDir::new().unwrap();
    let machine = [
        ("proc/self/status", "Name:\tumbrage\nVmPeak:\t  999999 kB\nVmRSS:\t  262144 kB\n"),
        ("proc/meminfo", "MemTotal:        1048576 kB\nMemFree:           10 kB\n"),
    ];
    for (path, text) in machine.iter().chain(files) {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let system = System { proc: root.path().join("proc"), cgroup: root.path().join("cgroup") };
    (root, system)
}

#[track_caller]
fn memory(files: &[(&str, &str)]) -> f64 {
    system(files).1.memory().unwrap()
}

#[test]
fn memory_is_of_the_limit_of_the_own_group() {
    let files = [
        ("proc/self/cgroup", "0::/apps/umbrage\n"),
        ("cgroup/apps/umbrage/memory.max", "1000\n"),
        ("cgroup/apps/umbrage/memory.current", "900\n"),
    ];
    assert_eq!(memory(&files), 0.9);
}

#[test]
fn files_that_the_kernel_would_drop_are_not_in_use() {
    let files = [
        ("proc/self/cgroup", "0::/\n"),
        ("cgroup/memory.max", "1000\n"),
        ("cgroup/memory.current", "900\n"),
        ("cgroup/memory.stat", "anon 300\nfile 600\ninactive_anon 7\ninactive_file 500\nactive_file 100\n"),
    ];
    assert_eq!(memory(&files), 0.4);
}

#[test]
fn the_tightest_of_the_groups_above_counts() {
    let files = [
        ("proc/self/cgroup", "12:memory:/old\n0::/a/b\n"),
        ("cgroup/a/b/memory.max", "max\n"),
        ("cgroup/a/b/memory.current", "500\n"),
        ("cgroup/a/memory.max", "1000\n"),
        ("cgroup/a/memory.current", "500\n"),
        ("cgroup/memory.max", "4000\n"),
        ("cgroup/memory.current", "3000\n"),
    ];
    assert_eq!(memory(&files), 0.75);
}

#[test]
fn without_a_limit_it_is_the_process_of_the_machine() {
    assert_eq!(memory(&[]), 0.25);
    let unlimited = [("proc/self/cgroup", "0::/a\n"), ("cgroup/a/memory.max", "max\n")];
    assert_eq!(memory(&unlimited), 0.25);
    let first_version = [("proc/self/cgroup", "4:memory:/a\n"), ("cgroup/a/memory.max", "1\n")];
    assert_eq!(memory(&first_version), 0.25);
}

#[test]
fn a_group_outside_of_what_is_mounted_is_not_looked_for() {
    let files = [
        ("proc/self/cgroup", "0::/../other\n"),
        ("other/memory.max", "1\n"),
        ("other/memory.current", "1\n"),
    ];
    assert_eq!(memory(&files), 0.25);
}

#[test]
fn nonsense_is_no_reading() {
    for (path, text) in [
        ("proc/meminfo", "MemTotal: 0 kB\n"),
        ("proc/meminfo", "MemTotal: plenty\n"),
        ("proc/meminfo", ""),
        ("proc/self/status", "VmRSS\n"),
    ] {
        assert!(system(&[(path, text)]).1.memory().is_err(), "{path}: {text}");
    }
    let endless = "x".repeat(1 << 20) + "\nMemTotal: 1 kB\n";
    assert!(system(&[("proc/meminfo", &endless)]).1.memory().is_err(), "only its beginning is read");
}

#[test]
fn where_there_are_no_such_files_there_is_no_reading() {
    let nowhere = System { proc: "/nowhere/proc".into(), cgroup: "/nowhere/cgroup".into() };
    assert!(nowhere.memory().is_err() && nowhere.descriptors().is_err());
}

#[test]
fn descriptors_are_counted_where_their_folder_does_not_tell() {
    let files: Vec<String> = (0..12).map(|n| format!("proc/self/fd/{n}")).collect();
    let (root, system) = system(&files.iter().map(|path| (path.as_str(), "")).collect::<Vec<_>>());
    // A folder on a disk has a size that says nothing; in memory it may have none.
    let told = fs::metadata(root.path().join("proc/self/fd")).unwrap().len();
    let expected = if told == 0 { 11 } else { told };
    assert_eq!(system.open_descriptors(1000).unwrap(), expected);
}

#[test]
#[cfg(target_os = "linux")]
fn this_system_tells_both() {
    let here = System::here();
    let memory = here.memory().unwrap();
    assert!(memory > 0.0 && memory < 1.5, "{memory}");
    let before = here.open_descriptors(u64::MAX).unwrap();
    let held: Vec<File> = (0..50).map(|_| File::open("/proc/self/status").unwrap()).collect();
    let with = here.open_descriptors(u64::MAX).unwrap();
    // Other tests open and close some meanwhile.
    assert!(before >= 3 && with >= 50, "{before}, then {with}");
    drop(held);
    assert!(here.descriptors().is_ok() || getrlimit(Resource::Nofile).current.is_none());
}
