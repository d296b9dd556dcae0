//! Bytes that no client sends.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{Scene, entry};
use crate::peer::certs;

#[test]
fn hostile_bytes_neither_stop_nor_fill_the_server() {
    let scene = Scene::new("workload-hostile", &entry("/agent/alice", ""));
    let memory = || memory_kilobytes(scene.server().pid(), "VmRSS:");
    let out = scene.directory.join("out");
    let socket = scene.socket.to_str().unwrap();
    let fetch = [
        "workload",
        "fetch",
        "--socket",
        socket,
        "--out",
        out.to_str().unwrap(),
    ];
    certs(&fetch, &scene.directory);
    let before = memory();
    for (name, bytes) in floods().into_iter().chain(malformed()) {
        for _ in 0..3 {
            let mut stream = UnixStream::connect(&scene.socket).unwrap();
            let patience = Some(Duration::from_millis(500));
            stream.set_write_timeout(patience).unwrap();
            stream.set_read_timeout(patience).unwrap();
            // It may be closed while we write, and need not answer.
            let _ = stream.write_all(&bytes);
            let mut answer = [0; 64];
            let _ = stream.read(&mut answer);
        }
        certs(&fetch, &scene.directory);
        assert!(
            memory() < before + 40_000,
            "{name}: {} KB after {before}",
            memory()
        );
    }
}

type Attack = (&'static str, Vec<u8>);

/// Much of what is permitted.
fn floods() -> Vec<Attack> {
    let resets: Vec<u8> = (0..20_000_u32)
        .flat_map(|n| {
            let stream = n * 2 + 1;
            let headers = frame(1, 5, stream, b"\x83\x86\x84\x41\x03a%b");
            [headers, frame(3, 0, stream, &[0, 0, 0, 8])].concat()
        })
        .collect();
    let block = |more: Vec<u8>| preface(&[frame(1, 0, 1, b"\x83"), more].concat());
    vec![
        ("settings", preface(&frame(4, 0, 0, b"").repeat(50_000))),
        ("pings", preface(&frame(6, 0, 0, &[0; 8]).repeat(50_000))),
        ("resets", preface(&resets)),
        (
            "continuations",
            block(frame(9, 0, 1, &[0x83; 1_000]).repeat(20_000)),
        ),
        (
            "empty continuations",
            block(frame(9, 0, 1, b"").repeat(200_000)),
        ),
    ]
}

/// What breaks rules, or means more than it looks like.
fn malformed() -> Vec<Attack> {
    let path = b"\x83\x86\x44\x1e/SpiffeWorkloadAPI/FetchX509SV";
    let request = [&frame(4, 0, 0, b"")[..], &frame(1, 4, 1, path)].concat();
    // A value of 4,000 bytes in the table, named ten thousand times.
    let mut bomb = b"\x83\x86\x84\x40\x01a\x7f\xa1\x1e".to_vec();
    bomb.extend([b'x'; 4_000]);
    bomb.extend([0xbe; 10_000]);
    let huffman = [&b"\x83\x86\x84\x41\x7f\x81\x7f"[..], &[0xff; 16_000]].concat();
    let lie = b"\x00\x40\x00\x01\x0c\x00\x00\x00\x01\xff";
    vec![
        ("nothing", Vec::new()),
        ("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        ("half a preface", b"PRI * HTTP/2.0\r\n\r\nSM".to_vec()),
        ("noise", noise()),
        ("a request without body", preface(&request)),
        ("a bomb", preface(&frame(1, 5, 1, &bomb))),
        ("Huffman's code", preface(&frame(1, 5, 1, &huffman))),
        (
            "a frame of 16 MiB",
            preface(b"\xff\xff\xff\x01\x04\x00\x00\x00\x01"),
        ),
        ("a length that lies", preface(lie)),
    ]
}

/// Bytes without any order, the same each time.
fn noise() -> Vec<u8> {
    let mixed = (0..60_000_u32).map(|n| n.wrapping_mul(2_654_435_761).rotate_left(7));
    mixed.map(|n| n.to_be_bytes()[3]).collect()
}

fn preface(frames: &[u8]) -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frames].concat()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The memory that a process has in use, by the name of a line in its `status`.
pub(super) fn memory_kilobytes(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
