//! The laws of `Level`: names, tokens, and the variable that caps it. The variable is read once
//! per process, so each value is tried in a process of its own: this program, run again.

mod common;

use std::ffi::{OsStr, OsString};
use std::process::Command;

use common::{levels, missing};
use densecore::simd::{LEVEL_VARIABLE, Level};
use densecore::{Cpu, Error, Excerpt, Parallelism};

/// What the child process prints before its report.
const REPORT: &str = "report:";

/// Not a test of its own: what the child process runs.
#[test]
#[ignore = "run by the other tests in a process of its own"]
fn child() {
    let checked = match Level::check_environment() {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.to_string(),
    };
    let (level, cpu) = (Level::detect(), Cpu::detect().level());
    let available: Vec<&str> = Level::available().map(Level::name).collect();
    println!("\n{REPORT}{level}|{cpu}|{}|{checked}", available.join(","));
}

/// What a process reports that runs with that value of the variable.
struct Report {
    level: String,
    cpu: String,
    available: String,
    checked: String,
}

fn report(value: Option<&OsStr>) -> Report {
    let program = std::env::current_exe().expect("the path of this program");
    let mut command = Command::new(program);
    command.args(["child", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    match value {
        Some(value) => command.env(LEVEL_VARIABLE, value),
        None => command.env_remove(LEVEL_VARIABLE),
    };
    let output = command.output().expect("a child process");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    let line = text.lines().find_map(|line| line.strip_prefix(REPORT)).expect("a report");
    let parts: Vec<String> = line.splitn(4, '|').map(str::to_owned).collect();
    let [level, cpu, available, checked] = parts.try_into().expect("four parts");
    Report { level, cpu, available, checked }
}

/// The names of this processor's levels, slowest first.
fn names() -> Vec<&'static str> {
    levels().into_iter().map(Level::name).collect()
}

#[test]
fn without_a_cap_the_best_level_is_detected() {
    let best = *names().last().expect("a level");
    for value in [None, Some(OsStr::new(""))] {
        let report = report(value);
        assert_eq!(report.level, best, "{value:?}");
        assert_eq!(report.checked, "ok", "{value:?}");
    }
}

#[test]
fn a_cap_names_the_best_level_that_may_be_used() {
    let ranks = ["portable", "avx2", "avx512"];
    for (cap, name) in ranks.into_iter().enumerate() {
        let best = ranks[..=cap].iter().rfind(|name| names().contains(name)).expect("a level");
        for spelling in [name.to_owned(), name.to_uppercase()] {
            let report = report(Some(OsStr::new(&spelling)));
            assert_eq!(&report.level, best, "{spelling}");
            assert_eq!(report.cpu, report.level, "{spelling}");
            assert_eq!(report.checked, "ok", "{spelling}");
        }
    }
}

#[test]
fn a_cap_takes_no_level_from_the_tests() {
    let report = report(Some(OsStr::new("portable")));
    assert_eq!(report.available, names().join(","));
}

#[test]
fn a_value_that_names_no_level_caps_nothing_and_can_be_found_out() {
    let best = *names().last().expect("a level");
    let mut values: Vec<OsString> =
        ["sse2", "avx", " avx2", "portable,avx2", "0"].map(OsString::from).to_vec();
    #[cfg(unix)]
    values.push(std::os::unix::ffi::OsStringExt::from_vec(vec![0x61, 0xff]));
    for value in values {
        let report = report(Some(&value));
        assert_eq!(report.level, best, "{value:?}");
        let found = format!("{:?}", value.to_string_lossy());
        let expected = "DENSECORE_LEVEL: expected portable, avx2 or avx512, found ".to_owned();
        assert_eq!(report.checked, expected + &found);
    }
}

#[test]
fn a_name_is_the_level_of_that_name() {
    for level in levels() {
        for spelling in [level.name().to_owned(), level.name().to_uppercase(), level.to_string()] {
            assert_eq!(spelling.parse(), Ok(level));
        }
    }
}

#[test]
fn a_name_without_its_level_is_an_error() {
    for name in ["", "sse2", "avx-512", "avx2 ", "Portable4"] {
        let (expected, found) = ("portable, avx2 or avx512", Excerpt::new(name));
        let error = Error::Name { argument: "level", expected, found };
        assert_eq!(name.parse::<Level>(), Err(error), "{name:?}");
        assert!(error.to_string().ends_with(&format!("found {name:?}")), "{error}");
    }
    for name in missing("portable,avx2,avx512", &names()) {
        let expected = Error::Mismatch {
            argument: "level",
            expected: "a level that this processor has",
            found: name,
        };
        assert_eq!(name.parse::<Level>(), Err(expected));
    }
}

#[test]
fn an_excerpt_is_the_text_up_to_31_bytes_of_whole_characters() {
    for (text, kept) in [
        ("", ""),
        ("avx3", "avx3"),
        ("these are thirty-one characters", "these are thirty-one characters"),
        ("these are thirty-two characters!", "these are thirty-two charact\u{2026}"),
        ("the accent is cut in halves \u{e9}\u{e9}", "the accent is cut in halves \u{2026}"),
        ("here it is no longer than 27\u{e9}\u{e9}!", "here it is no longer than 27\u{2026}"),
    ] {
        assert_eq!(Excerpt::new(text).as_str(), kept);
    }
}

#[test]
fn levels_come_slowest_first_and_each_once() {
    let names = names();
    assert_eq!(names[0], "portable");
    let known = ["portable", "avx2", "avx512"];
    let in_order: Vec<&str> = known.into_iter().filter(|name| names.contains(name)).collect();
    assert_eq!(names, in_order);
    let lanes: Vec<usize> = levels().into_iter().map(Level::lanes).collect();
    assert!(lanes.is_sorted_by(|a, b| a < b), "{lanes:?}");
}

#[test]
fn the_levels_are_those_of_the_processor() {
    // The standard library's own detection as a second opinion.
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        assert_eq!(names().contains(&"avx2"), avx2);
        let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
        assert!(avx512 || !names().contains(&"avx512"));
    }
    assert!(names().contains(&"portable"));
}

#[test]
fn a_cpu_is_what_it_was_made_of() {
    for level in levels() {
        let cpu = Cpu::serial().with_level(level);
        assert_eq!(
            (cpu.level(), cpu.parallelism(), cpu.threads()),
            (level, Parallelism::Serial, 1)
        );
        assert_eq!(cpu.caches(), Cpu::detect().caches());
    }
    let caches = Cpu::detect().caches();
    assert!(caches.l1 > 0 && caches.l2 > 0 && caches.l3 > 0, "{caches:?}");
    #[cfg(feature = "rayon")]
    for threads in common::POOLS {
        let cpu = Cpu::detect().with_parallelism(Parallelism::Rayon);
        assert_eq!(common::in_pool(threads, || cpu.threads()), threads);
    }
}
