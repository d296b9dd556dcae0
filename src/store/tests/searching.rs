//! Pages of entries.

use super::*;

pub(super) fn pages_have_every_entry_once_in_every_order(inventory: &mut dyn Inventory) {
    let entries = many();
    inventory.record(&entries).unwrap();
    for order in [Order::Expiry, Order::Recorded, Order::Name] {
        for descending in [false, true] {
            for size in [1, 7, 39, 200] {
                let mut search = Search {
                    order,
                    descending,
                    ..Search::default()
                };
                let whole = inventory.page(&search, NOW).unwrap();
                assert_eq!(whole.len(), entries.len());
                search.filter.limit = Some(size);
                let pages = turned(inventory, &mut search, &mut |_| {});
                assert_eq!(serials(&pages.concat()), serials(&whole), "{order:?}");
                search.is_before = true;
                for pair in pages.windows(2) {
                    search.from = Some(pair[1][0].0.clone());
                    assert_eq!(inventory.page(&search, NOW).unwrap(), pair[0]);
                }
            }
        }
    }
}

/// What is recorded meanwhile is on a page or not; the others are on one, and not on two.
pub(super) fn no_entry_is_lost_or_doubled_while_others_come(inventory: &mut dyn Inventory) {
    let entries = many();
    inventory.record(&entries).unwrap();
    let mut late = 100;
    for order in [Order::Expiry, Order::Recorded, Order::Name] {
        for descending in [false, true] {
            let mut search = Search {
                order,
                descending,
                ..Search::default()
            };
            search.filter.limit = Some(5);
            let pages = turned(inventory, &mut search, &mut |inventory| {
                late += 1;
                let days = i64::from(late % 5);
                inventory.record(&[lasting(late, days)]).unwrap();
            });
            let mut seen = serials(&pages.concat());
            seen.retain(|serial| *serial < 100);
            seen.sort_unstable();
            assert_eq!(seen, (1..40).collect::<Vec<u8>>());
        }
    }
}

/// Every page to the end, with something that happens after each of the first twenty.
fn turned(
    inventory: &mut dyn Inventory,
    search: &mut Search,
    meanwhile: &mut dyn FnMut(&mut dyn Inventory),
) -> Vec<Vec<(Place, Entry)>> {
    let mut pages = Vec::new();
    loop {
        let page = inventory.page(search, NOW).unwrap();
        let Some((last, _)) = page.last() else {
            return pages;
        };
        let text = last.to_string();
        assert_eq!(text.parse(), Ok(last.clone()));
        search.from = Some(last.clone());
        pages.push(page);
        if pages.len() <= 20 {
            meanwhile(inventory);
        }
    }
}

/// Entries that expire on few days, with no name, one, the same, or two.
fn many() -> Vec<Entry> {
    let mut entries: Vec<Entry> = (1..40).map(|n| lasting(n, i64::from(n % 4))).collect();
    for entry in &mut entries {
        let serial = entry.serial.shown_bytes()[0];
        let names = match serial % 5 {
            0 => vec![],
            1 => vec!["dns:same.test".to_owned()],
            2 => vec![
                format!("dns:z-{serial}.test"),
                format!("dns:A-{serial}.test"),
            ],
            _ => vec![format!("dns:n-{serial}.test")],
        };
        entry.names = names.iter().map(|name| name.parse().unwrap()).collect();
    }
    entries
}

pub(super) fn a_text_finds_what_it_may_mean(inventory: &mut dyn Inventory) {
    let mut entries = [0x10, 0x1f, 0x20, 0xf1, 0xff].map(entry);
    entries[0].names = vec!["dns:Agent-7.example.test".parse().unwrap()];
    entries[1].profile = "special".into();
    entries[2].labels = Labels::new(["team=Red".parse().unwrap()]);
    entries[3].names = Vec::new();
    entries[3].subject =
        DistinguishedName::build(&[(AttributeType::CommonName, "The Seventh")]).unwrap();
    inventory.record(&entries).unwrap();
    let found = |text: &str| {
        let search = Search {
            text: Some(text.into()),
            order: Order::Recorded,
            ..Search::default()
        };
        serials(&inventory.page(&search, NOW).unwrap())
    };
    assert_eq!(found("AGENT-7"), [0x10]);
    assert_eq!(found("seventh"), [0xf1]);
    assert_eq!(found("the"), [0xf1]);
    assert_eq!(found("th"), [0xf1]);
    assert_eq!(found("special"), [0x1f]);
    assert_eq!(found("team=red"), [0x20]);
    assert_eq!(found("node-"), [0x1f, 0x20, 0xff]);
    assert_eq!(found("100%_"), NONE);
    assert_eq!(found("\"'"), NONE);
    let serial = entries[4].serial.to_string();
    assert_eq!(found(&serial), [0xff]);
    let fingerprint = entries[4].fingerprint.to_string();
    assert_eq!(found(&fingerprint), [0xff]);
    assert_eq!(found(&fingerprint[..15].to_ascii_lowercase()), [0xff]);
}

pub(super) fn filters_and_pages_go_together(inventory: &mut dyn Inventory) {
    let mut entries: Vec<Entry> = (1..60).map(|n| lasting(n, i64::from(n % 3) - 1)).collect();
    for (i, entry) in entries.iter_mut().enumerate() {
        if i % 2 == 0 {
            entry.profile = "client".into();
        }
        entry.labels = Labels::new([format!("n={}", i % 7).parse().unwrap()]);
    }
    inventory.record(&entries).unwrap();
    let revoked: Vec<_> = entries
        .iter()
        .step_by(4)
        .map(|e| e.serial.clone())
        .collect();
    inventory.revoke_all(&revoked, hold()).unwrap();
    let filters = [
        Filter {
            status: Some(Status::OnHold),
            ..Filter::default()
        },
        Filter {
            status: Some(Status::Valid),
            profile: Some("client".into()),
            ..Filter::default()
        },
        Filter {
            labels: vec!["n=3".parse().unwrap()],
            ..Filter::default()
        },
        Filter {
            serial: Some("1".parse().unwrap()),
            status: Some(Status::Expired),
            ..Filter::default()
        },
        Filter {
            expiring_within: Some("7d".parse().unwrap()),
            name: Some("node-1".into()),
            ..Filter::default()
        },
    ];
    for filter in filters {
        let mut expected = numbers(inventory, &filter);
        expected.sort_unstable();
        for order in [Order::Expiry, Order::Recorded, Order::Name] {
            let mut search = Search {
                filter: filter.clone(),
                order,
                ..Search::default()
            };
            search.filter.limit = Some(4);
            let mut seen = Vec::new();
            while let Ok(page) = inventory.page(&search, NOW)
                && let Some((last, _)) = page.last()
            {
                search.from = Some(last.clone());
                seen.extend(serials(&page));
            }
            seen.sort_unstable();
            assert_eq!(seen, expected, "{filter:?} {order:?}");
        }
    }
}

fn serials(page: &[(Place, Entry)]) -> Vec<u8> {
    page.iter()
        .map(|(_, entry)| entry.serial.shown_bytes()[0])
        .collect()
}
