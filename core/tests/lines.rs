//! The bytes of a ledger line: what was written is read again, what was damaged or never was a fill is refused.

#![allow(clippy::expect_used, clippy::panic)] // helpers of tests fail like tests do

use std::borrow::Cow;

use proptest::prelude::*;
use proptest::sample::select;
use trade_ledger_core::entry::{AssetType, Entry, Fields, SCHEMA_VERSION, Side};
use trade_ledger_core::fills::Fills;
use trade_ledger_core::line::{LineError, MAX_LINE_BYTES, read, read_unproved, write, write_json};
use trade_ledger_core::money::{Decimal, Money, Price, Quantity};
use trade_ledger_core::performance::summarize;
use trade_ledger_core::replay::Options;
use trade_ledger_core::time::Timestamp;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn own(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn plain() -> Fields<'static> {
    Fields {
        ledger_id: own("6f1c2b1e-0000-4000-8000-000000000001"),
        event_id: own("event-1"),
        correlation_id: own("corr-1"),
        causation_id: own("cause-1"),
        strategy_name: Some(own("momentum")),
        symbol: own("AAPL"),
        asset_type: Some(AssetType::Stock),
        side: Side::Buy,
        quantity: Quantity(decimal("100")),
        price: Price(decimal("187.250")),
        fees: Money(decimal("1.00")),
        timestamp: Timestamp::parse("2024-01-15T14:30:00.123456789Z").expect("an instant"),
        order_id: own("order-1"),
        client_order_id: None,
        fill_id: Some(own("fill-1")),
        account_id: Some(own("main")),
        venue: None,
        notes: None,
        schema_version: SCHEMA_VERSION,
        source: own("test"),
        sequence: None,
        allocations: Vec::new(),
        extra: Vec::new(),
    }
}

/// A line of every kind the writer knows: fast ones, and ones with everything that takes the general way.
fn written_lines() -> Vec<Vec<u8>> {
    let full = Fields {
        strategy_name: None,
        symbol: own("BTC/USD"),
        side: Side::Sell,
        quantity: Quantity(decimal("0.123456789")),
        fees: Money(decimal("-0.0100")),
        client_order_id: Some(own("mine")),
        notes: Some(own("a \"quoted\" note \\ with\nlines, \u{2028}, \u{0}, ü and 📈")),
        sequence: Some(decimal("7.50")),
        allocations: vec![(own("beta"), decimal("0.75")), (own("alpha"), decimal("0.25"))],
        extra: vec![
            (own("exchange_fee"), own("0.00000000000000000000000000000000000000000001")),
            (own("nested"), own("{\"a\":[1,2.50,{\"b\":null}],\"\\u00e9\":\"\\ud83d\\ude00\"}")),
        ],
        ..plain()
    };
    let noted = Fields { notes: Some(own("plain note")), sequence: Some(decimal("3")), ..plain() };
    [plain(), noted, full].into_iter().map(|fields| line(&fields.check().expect("valid"))).collect()
}

fn line(entry: &Entry<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(entry, &mut bytes);
    assert_eq!(bytes.pop(), Some(b'\n'), "a line ends");
    assert!(!bytes.contains(&b'\n'), "and is one line");
    bytes
}

/// The digits as written, which equality by value does not see.
fn digits(fields: &Fields<'_>) -> Vec<String> {
    let numbers = [Some(fields.quantity.0), Some(fields.price.0), Some(fields.fees.0), fields.sequence];
    let numbers = numbers.into_iter().flatten().chain(fields.allocations.iter().map(|(_, amount)| *amount));
    numbers.map(|number| number.to_string()).collect()
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9 ._:/-]{1,12}",
        1 => "\\PC{1,8}",
        1 => any::<char>().prop_map(String::from),
        1 => select(&["\"", "\\", "\\u0041", "\n", "\r", "\t", "\u{0}", "\u{1f}", "\u{7f}", "\u{85}", "\u{2028}", "\u{2029}",
            "\u{feff}", "📈", "é", "e\u{301}", "\"}", ",\"crc32\":\"00000000\"}", "{", "null"][..]).prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat())
}

/// Text an id or a name may be: no control or invisible characters.
fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zA-Z0-9_-]{1,12}",
        1 => "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        1 => select(&["é\"x", "a\\b", "📈", "x y", "٣", "null", "}", "日本"][..]).prop_map(str::to_owned),
    ]
}

fn digits_of(integer: u32, places: u32) -> impl Strategy<Value = String> {
    let fraction = proptest::collection::vec(0..10u8, 0..=places as usize);
    (0..10u64.pow(integer.min(17)), fraction).prop_map(|(whole, fraction)| {
        let fraction: String = fraction.into_iter().map(|digit| char::from(b'0' + digit)).collect();
        if fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") }
    })
}

fn amount(integer: u32, places: u32) -> impl Strategy<Value = Decimal> {
    // at most 36 digits, the point not counted
    let fitting = |text: String| decimal(text[..text.len().min(37)].trim_end_matches('.'));
    digits_of(integer, places).prop_map(fitting).prop_filter("above zero", |number| number.is_positive())
}

fn raw_json() -> impl Strategy<Value = String> {
    prop_oneof![
        select(
            &[
                "null",
                "true",
                "-0.0",
                "1E-7",
                "1e400",
                "12345678901234567890123456789012345678901234567890.10",
                "\"\\ud83d\\ude00\"",
                "\"\u{2028}\"",
                "[]",
                "{ }",
                "[1, 2 ,{\"a\" : \"b\"}]",
                "\"1.50\"",
                "\"\\\\\\\"\""
            ][..]
        )
        .prop_map(str::to_owned),
        digits_of(17, 40),
        text().prop_map(|text| serde_json::to_string(&text).expect("JSON")),
    ]
}

fn extra() -> impl Strategy<Value = Vec<(Cow<'static, str>, Cow<'static, str>)>> {
    let name =
        prop_oneof![text().prop_map(|text| format!("x{text}")), select(&["Quantity", "crc", "Fees", "x", ""][..]).prop_map(str::to_owned)];
    proptest::collection::btree_map(name, raw_json(), 0..4)
        .prop_map(|extra| extra.into_iter().map(|(name, value)| (Cow::Owned(name), Cow::Owned(value))).collect())
}

prop_compose! {
    fn entry()(
        texts in (text(), text(), text(), text()),
        ids in (id(), id(), proptest::option::of(id()), proptest::option::of(id())),
        optional in (proptest::option::of(text()), proptest::option::of(text()), proptest::option::of(text())),
        symbol in select(&["AAPL", "BTC/USD", "BRK.B", "AAPL  240119C00190000", "ÉTÉ"][..]),
        asset_type in proptest::option::of(select(&AssetType::ALL[..])),
        sell in any::<bool>(),
        numbers in (amount(5, 8), amount(8, 12), (any::<bool>(), digits_of(10, 26)), proptest::option::of(digits_of(16, 20))),
        nanos in any::<i64>(),
        owner in 0..4u8,
        extra in extra(),
    ) -> Entry<'static> {
        let (quantity, price, (rebate, fees), sequence) = numbers;
        let fees = decimal(&if rebate { format!("-{fees}") } else { fees });
        let allocations = match owner {
            0 => vec![(own("b"), quantity)],
            1 => vec![(own("é\"y"), decimal("0.250")), (own("a"), decimal("0.75"))],
            _ => Vec::new(),
        };
        let fields = Fields {
            ledger_id: Cow::Owned(ids.0),
            event_id: Cow::Owned(texts.0),
            correlation_id: Cow::Owned(texts.1),
            causation_id: Cow::Owned(texts.2),
            strategy_name: (owner == 3).then(|| own("mean reversion")),
            symbol: own(symbol),
            asset_type,
            side: if sell { Side::Sell } else { Side::Buy },
            quantity: Quantity(quantity),
            price: Price(price),
            fees: Money(fees),
            timestamp: Timestamp::from_nanos(nanos),
            order_id: Cow::Owned(ids.1),
            client_order_id: optional.0.map(Cow::Owned),
            fill_id: ids.2.map(Cow::Owned),
            account_id: ids.3.map(Cow::Owned),
            venue: optional.1.map(Cow::Owned),
            notes: optional.2.map(Cow::Owned),
            schema_version: SCHEMA_VERSION,
            source: Cow::Owned(texts.3),
            sequence: sequence.map(|text| decimal(&text)),
            allocations,
            extra,
        };
        fields.check().expect("a valid entry")
    }
}

/// The members of a JSON object as written, by a reader that is not the one under test.
fn members(line: &str) -> Vec<(String, String)> {
    let mut members = Vec::new();
    let (mut depth, mut quoted, mut escaped, mut start) = (0, false, false, 1);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth -= 1,
            _ => {}
        }
        if !quoted && ((byte == b',' && depth == 1) || depth == 0) {
            members.push(&line[start..at]);
            start = at + 1;
        }
    }
    let split = |member: &str| {
        let mut ends = member
            .char_indices()
            .skip(1)
            .filter(|(at, c)| *c == '"' && member[..*at].bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 0);
        let end = ends.next().expect("a name").0;
        (member[..=end].to_owned(), member[end + 2..].to_owned())
    };
    members.into_iter().map(split).collect()
}

fn joined(members: &[(String, String)]) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn what_was_written_is_read_again_to_the_digit(entry in entry()) {
        let bytes = line(&entry);
        let again = read(&bytes).expect("own line");
        prop_assert!(again.checksummed);
        prop_assert_eq!(&again.entry, &entry);
        prop_assert_eq!(digits(&again.entry), digits(&entry));
        prop_assert_eq!(line(&again.entry), bytes.clone());
        // as JSON for people: the same without a checksum
        let mut json = Vec::new();
        write_json(&entry, &mut json);
        let shown = read(&json).expect("own JSON");
        prop_assert!(!shown.checksummed);
        prop_assert_eq!(&shown.entry, &entry);
        prop_assert_eq!(line(&shown.entry), bytes.clone());
        let text = String::from_utf8(bytes).expect("UTF-8");
        prop_assert_eq!(read_unproved(&text).expect("own line").check().expect("valid"), entry);
        // any other reader of JSON agrees that it is one object
        prop_assert!(serde_json::from_str::<std::collections::BTreeMap<String, &serde_json::value::RawValue>>(&text).is_ok());
    }

    #[test]
    fn the_order_of_fields_and_white_space_do_not_matter(
        entry in entry(), turn in 0..30usize, reversed in any::<bool>(), spaced in any::<bool>()
    ) {
        let mut json = Vec::new();
        write_json(&entry, &mut json);
        let mut members = members(std::str::from_utf8(&json).expect("UTF-8"));
        let turn = turn % members.len();
        members.rotate_left(turn);
        if reversed {
            members.reverse();
        }
        let mut text = joined(&members);
        if spaced {
            let members: Vec<String> = members.iter().map(|(name, value)| format!("{name} :\t{value}")).collect();
            text = format!(" {{ {} }} ", members.join(" , "));
        }
        let shuffled = read(text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {text}"));
        prop_assert!(!shuffled.checksummed);
        // unknown fields keep the order they were read in
        let (mut found, mut expected) = (shuffled.entry.into_fields(), entry.into_fields());
        found.extra.sort();
        expected.extra.sort();
        prop_assert_eq!(digits(&found), digits(&expected));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), cut in any::<bool>()) {
        let _ = read(&bytes);
        for mut line in written_lines() {
            let at = at.index(line.len());
            if cut {
                line.truncate(at);
                prop_assert!(read(&line).is_err(), "a line cut at {} was read", at);
            } else {
                line.splice(at..(at + bytes.len() / 8).min(line.len()), bytes.iter().copied());
                let _ = read(&line);
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_found() {
    for line in written_lines() {
        for bit in 0..line.len() * 8 {
            let mut damaged = line.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&damaged).is_err(), "bit {bit} flipped and read: {}", String::from_utf8_lossy(&damaged));
        }
    }
}

/// Story: with a byte lost from the eight digits, or a blank after the line, the checksum stood somewhere else than
/// a reader looked for it, and the line passed for one that never had any, its checksum dropped unproved.
#[test]
fn every_lost_doubled_or_swapped_byte_is_found() {
    for line in written_lines() {
        // a letter lost from the checksum's own name makes it an unknown field; the fill before it is whole
        let name = line.len() - 18..line.len() - 13;
        assert_eq!(&line[name.clone()], b"crc32");
        for at in 0..line.len() {
            let next = (at + 1) % line.len();
            let mut lost = line.clone();
            lost.remove(at);
            let mut doubled = line.clone();
            doubled.insert(at, line[at]);
            let mut swapped = line.clone();
            swapped.swap(at, next);
            for damaged in [lost, doubled, swapped].into_iter().filter(|damaged| *damaged != line) {
                let Ok(read) = read(&damaged) else { continue };
                let fields = read.entry.into_fields();
                let last = fields.extra.last().map(|(name, _)| name.len());
                assert!(name.contains(&at) && matches!(last, Some(4 | 6)), "byte {at}: {}", String::from_utf8_lossy(&damaged));
            }
        }
        for around in [[b" ", &line[..], b""], [b"", &line, b" "], [b"", &line, b"\t\r"]] {
            assert!(read(&around.concat()).is_err());
        }
    }
}

#[test]
fn a_line_is_the_bytes_the_format_says() {
    let [first, _, full] = &written_lines()[..] else { panic!("three lines") };
    assert_eq!(
        String::from_utf8_lossy(first).rsplit_once(",\"crc32\":").expect("a checksum").0,
        concat!(
            r#"{"ledger_id":"6f1c2b1e-0000-4000-8000-000000000001","event_id":"event-1","correlation_id":"corr-1","#,
            r#""causation_id":"cause-1","strategy_name":"momentum","symbol":"AAPL","asset_type":"STOCK","side":"BUY","#,
            r#""quantity":"100","price":"187.250","fees":"1.00","timestamp":"2024-01-15T14:30:00.123456789+00:00","#,
            r#""order_id":"order-1","client_order_id":null,"fill_id":"fill-1","account_id":"main","venue":null,"#,
            r#""schema_version":1,"source":"test""#
        )
    );
    let full = String::from_utf8_lossy(full);
    assert!(full.contains(r#""notes":"a \"quoted\" note \\ with\nlines, "#) && full.contains("\u{2028}, \\u0000, ü and 📈\""), "{full}");
    assert!(full.contains(r#""sequence":"7.50","allocations":{"alpha":"0.25","beta":"0.75"},"exchange_fee":0.000"#), "{full}");
}

const LEGACY: &str = concat!(
    r#"{"ledger_id": "5b6f", "event_id": "e", "correlation_id": "c", "causation_id": "k", "strategy_name": "momentum", "#,
    r#""symbol": " aapl ", "asset_type": "STOCK", "side": "BUY", "quantity": "10", "price": "150.25", "fees": "0", "#,
    r#""timestamp": "2024-01-15T14:30:00+00:00", "order_id": "o1", "client_order_id": null, "fill_id": "f1", "#,
    r#""account_id": null, "venue": null, "schema_version": 1, "source": "alchemiser"}"#
);

/// `LEGACY` with one member's value, or the whole member, replaced.
fn with(name: &str, value: &str) -> String {
    let start = LEGACY.find(&format!("\"{name}\": ")).unwrap_or_else(|| panic!("no {name}")) + name.len() + 4;
    let end = start + LEGACY[start..].find([',', '}']).expect("an end");
    format!("{}{value}{}", &LEGACY[..start], &LEGACY[end..])
}

fn without(name: &str) -> String {
    let start = LEGACY.find(&format!("\"{name}\": ")).expect("a member");
    let end = LEGACY[start..].find(", ").map_or_else(|| panic!("{name} is last"), |at| start + at + 2);
    format!("{}{}", &LEGACY[..start], &LEGACY[end..])
}

fn and(member: &str) -> String {
    format!("{}, {member}}}", &LEGACY[..LEGACY.len() - 1])
}

#[test]
fn lines_of_the_existing_system_are_read() {
    let spaced = read(LEGACY.as_bytes()).expect("json.dumps style");
    assert!(!spaced.checksummed);
    assert_eq!((&*spaced.entry.symbol, spaced.entry.quantity), ("AAPL", Quantity(decimal("10"))));
    let dense = LEGACY.replace(": ", ":").replace(", ", ",");
    assert_eq!(read(dense.as_bytes()).expect("model_dump_json style").entry, spaced.entry);
    let with_cr = format!("{LEGACY}\r");
    assert_eq!(read(with_cr.as_bytes()).expect("a Windows line end").entry, spaced.entry);
    for (name, value, digits) in [
        ("quantity", "\"1E-7\"", "0.0000001"),
        ("quantity", "\"1.5E+3\"", "1500"),
        ("quantity", "10", "10"),
        ("quantity", "0.10000000000000000555", "0.10000000000000000555"),
        ("quantity", "1e-9", "0.000000001"),
        ("quantity", "\"100.00\"", "100.00"),
    ] {
        let text = with(name, value);
        assert_eq!(read(text.as_bytes()).unwrap_or_else(|e| panic!("{value}: {e}")).entry.quantity.0.to_string(), digits, "{value}");
    }
    for stamp in ["2024-01-15T14:30:00Z", "2024-01-15T09:30:00-05:00", "2024-01-15 14:30:00+00:00", "2024-01-15T14:30:00.000000+00:00"] {
        let text = with("timestamp", &format!("\"{stamp}\""));
        assert_eq!(read(text.as_bytes()).expect(stamp).entry, spaced.entry, "{stamp}");
    }
    for name in ["fees", "schema_version", "strategy_name", "asset_type", "client_order_id", "fill_id", "venue", "account_id"] {
        assert!(read(without(name).as_bytes()).is_ok(), "{name} may be missing");
        assert!(read(with(name, "null").as_bytes()).is_ok(), "{name} may be null");
    }
    for untagged in ["null", "\"\"", "\"  \""] {
        assert_eq!(read(with("strategy_name", untagged).as_bytes()).expect(untagged).entry.strategy_name, None);
    }
    let extra = and("\"pnl\": 1.50, \"Fees\": \"9\"");
    let extra = read(extra.as_bytes()).expect("unknown fields").entry;
    assert_eq!(extra.extra, [(own("pnl"), own("1.50")), (own("Fees"), own("\"9\""))]);
    assert!(extra.fees.is_zero(), "names are exact");
    let escaped = LEGACY.replace("\"symbol\"", "\"s\\u0079mbol\"").replace("\"BUY\"", "\"B\\u0055Y\"");
    assert_eq!(read(escaped.as_bytes()).expect("escapes").entry, spaced.entry);
}

fn refusal(line: &[u8]) -> String {
    match read(line) {
        Err(error) => error.to_string(),
        Ok(read) => panic!("accepted: {:?}", read.entry),
    }
}

#[test]
fn a_refusal_names_the_field_the_value_and_what_is_wanted() {
    let number = "not a decimal number (want digits, optionally a point and digits, such as 12.50)";
    let digits = "more digits than can be held exactly (at most 18 before the point, 26 after it, 36 in all)";
    for (name, value, message) in [
        ("quantity", "\"abc\"", format!("field `quantity`: {number} (value: \"abc\")")),
        ("quantity", "\"1_000\"", format!("field `quantity`: {number} (value: \"1_000\")")),
        ("quantity", "\"１０\"", format!("field `quantity`: {number} (value: \"１０\")")),
        ("quantity", "\"NaN\"", format!("field `quantity`: {number} (value: \"NaN\")")),
        ("price", "\"Infinity\"", format!("field `price`: {number} (value: \"Infinity\")")),
        ("price", "true", format!("field `price`: {number} (value: \"true\")")),
        ("price", "\"+1\"", format!("field `price`: {number} (value: \"+1\")")),
        ("price", "1e309", format!("field `price`: {digits} (value: \"1e309\")")),
        ("fees", "\"1234567890123456789012345678901234567890\"", format!("field `fees`: {digits} (value: \"1234567890123456789012345678901234567890\")")),
        ("quantity", "\"0\"", "field `quantity`: must be above zero (value: \"0\")".to_owned()),
        ("quantity", "\"-5\"", "field `quantity`: must be above zero (value: \"-5\")".to_owned()),
        ("price", "0.00", "field `price`: must be above zero (value: \"0.00\")".to_owned()),
        ("side", "\"HOLD\"", "field `side`: must be BUY or SELL (value: \"HOLD\")".to_owned()),
        ("side", "\"buy\"", "field `side`: must be BUY or SELL (value: \"buy\")".to_owned()),
        ("asset_type", "\"BOND\"", "field `asset_type`: must be STOCK, ETF, CRYPTO, OPTION, FUTURE or null (value: \"BOND\")".to_owned()),
        ("order_id", "7", "field `order_id`: must be a string (value: \"7\")".to_owned()),
        ("order_id", "\"\"", "field `order_id`: must not be empty".to_owned()),
        ("order_id", "\"a\\u0000\"", "field `order_id`: must not hold control or invisible characters (value: \"a\\0\")".to_owned()),
        ("symbol", "\" \"", "field `symbol`: must not be empty".to_owned()),
        ("strategy_name", "\"unattributed\"", "field `strategy_name`: is the report's word for fills without a strategy; choose another name, or leave it out (value: \"unattributed\")".to_owned()),
        ("timestamp", "\"2024-01-15T14:30:00\"", "field `timestamp`: no offset: the instant is ambiguous (append Z for UTC, or an offset such as -05:00) (value: \"2024-01-15T14:30:00\")".to_owned()),
        ("timestamp", "\"2263-01-01T00:00:00Z\"", "field `timestamp`: outside 1677-09-21 to 2262-04-11 (value: \"2263-01-01T00:00:00Z\")".to_owned()),
        ("timestamp", "1705329000", "field `timestamp`: must be a string (value: \"1705329000\")".to_owned()),
        ("schema_version", "2", "field `schema_version`: this version reads schema_version 1; a newer trade-ledger wrote this entry, please upgrade (value: \"2\")".to_owned()),
        ("schema_version", "\"1\"", "field `schema_version`: must be a whole number (value: \"\\\"1\\\"\")".to_owned()),
    ] {
        assert_eq!(refusal(with(name, value).as_bytes()), message);
    }
    assert_eq!(
        refusal(and("\"allocations\": {\"a\": 1}").as_bytes()),
        "field `allocations`: a fill has either strategy_name or allocations, not both (value: \"[\\\"a: 1\\\"]\")"
    );
    assert_eq!(refusal(and("\"side\": \"SELL\"").as_bytes()), "field `side`: stands twice in the object (value: \"\\\"SELL\\\"\")");
    assert_eq!(refusal(and("\"x\": 1, \"\\u0078\": 2").as_bytes()), "field `x`: stands twice in the object (value: \"2\")");
    for name in ["ledger_id", "event_id", "correlation_id", "causation_id", "symbol", "side", "quantity", "price", "timestamp", "order_id"]
    {
        let required = format!("field `{name}`: is required");
        assert_eq!(refusal(without(name).as_bytes()), required);
        assert_eq!(refusal(with(name, "null").as_bytes()), required);
        let upper = LEGACY.replace(&format!("\"{name}\""), &format!("\"{}\"", name.to_uppercase()));
        assert_eq!(refusal(upper.as_bytes()), required, "names are in lower case");
    }
    let long = with("order_id", &format!("\"\\u0001{}\"", "x".repeat(200)));
    assert_eq!(
        refusal(long.as_bytes()),
        format!("field `order_id`: must not hold control or invisible characters (value: \"\\u{{1}}{}…\")", "x".repeat(78))
    );
    let mut damaged = written_lines()[0].clone();
    let price = damaged.windows(7).position(|bytes| bytes == b"187.250").expect("the price");
    damaged[price] = b'9';
    let message = refusal(&damaged);
    assert!(
        message.starts_with("checksum mismatch: the line says ") && message.ends_with("; the line was altered after it was written"),
        "{message}"
    );
}

/// Story: a hundred thousand brackets in an unknown field were kept as they stood, for the next reader of the line,
/// which runs out of stack at them.
#[test]
fn what_is_not_one_fill_is_refused() {
    let nested = |depth: usize, open: &str, close: &str| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let allocations =
        |value: &str| format!("{}, \"allocations\": {value}}}", &with("strategy_name", "null")[..with("strategy_name", "null").len() - 1]);
    let mut hostile: Vec<Vec<u8>> = [
        String::new(),
        " ".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "\"text\"".to_owned(),
        "{}".to_owned(),
        format!("[{LEGACY}]"),
        format!("\u{feff}{LEGACY}"),
        format!("{LEGACY}{LEGACY}"),
        format!("{LEGACY} {LEGACY}"),
        format!("{LEGACY},"),
        format!("{LEGACY}x"),
        format!("{LEGACY}\0"),
        LEGACY[..LEGACY.len() - 1].to_owned(),
        format!("{},}}", &LEGACY[..LEGACY.len() - 1]),
        LEGACY.replace("\"AAPL\"", "'AAPL'").replace('"', "'"),
        nested(100_000, "[", "]"),
        nested(100_000, "{\"a\":", "}"),
        and(&format!("\"x\": {}", nested(100_000, "[", "]"))),
        and(&format!("\"x\": {}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000))),
        allocations(&nested(100_000, "[", "]")),
    ]
    .map(String::into_bytes)
    .into_iter()
    .collect();
    for (name, value) in [
        ("order_id", "\"\\ud800\""),
        ("order_id", "\"\\udc00\\ud800\""),
        ("order_id", "\"\\u12\""),
        ("order_id", "\"\\x41\""),
        ("order_id", "\"a\tb\""),
        ("order_id", "\"a\u{2028}b\""),
        ("order_id", "{\"a\": 1}"),
        ("quantity", "NaN"),
        ("quantity", "Infinity"),
        ("quantity", "-Infinity"),
        ("quantity", "01"),
        ("quantity", ".5"),
        ("quantity", "\" 1\""),
        ("quantity", "\"\""),
        ("quantity", "[1]"),
        ("quantity", "\"1\\u0030\""),
        ("quantity", "\"0x10\""),
        ("quantity", "\"1,000\""),
        ("quantity", "1e-27"),
        ("quantity", "1e99999999999999999999"),
        ("quantity", "99999999999999999999999999999999999999999"),
        ("price", "0.000000000000000000000000001"),
        ("timestamp", "\"2024-02-30T00:00:00Z\""),
        ("timestamp", "\"2024-01-15T24:00:00Z\""),
        ("timestamp", "\"2024-01-15\""),
        ("timestamp", "\"\""),
        ("schema_version", "0"),
        ("schema_version", "-1"),
        ("schema_version", "1.0"),
        ("schema_version", "99999999999999999999"),
        ("strategy_name", "[\"momentum\"]"),
        ("strategy_name", "\"a\\nb\""),
        ("fill_id", "\"\""),
        ("source", "\"\""),
    ] {
        hostile.push(with(name, value).into_bytes());
    }
    for shares in [
        "[]",
        "7",
        "{\"a\": 0, \"b\": 10}",
        "{\"a\": -1, \"b\": 11}",
        "{\"a\": 0.9}",
        "{\"a\": 3, \"a\": 7}",
        "{\"a\": 5, \" a \": 5}",
        "{\"\": 10}",
        "{\"unattributed\": 10}",
        "{\"a\": null}",
        "{\"a\": {\"b\": 1}}",
        "{\"a\": \"ten\"}",
    ] {
        hostile.push(allocations(shares).into_bytes());
    }
    let mut bad_utf8 = LEGACY.as_bytes().to_vec();
    let at = bad_utf8.windows(2).position(|bytes| bytes == b"o1").expect("the order");
    bad_utf8[at] = 0xff;
    assert_eq!(refusal(&bad_utf8), format!("not a JSON object: invalid UTF-8 at byte {at}"));
    hostile.push([b"\xff\xfe", LEGACY.as_bytes()].concat());
    hostile.push(LEGACY.encode_utf16().flat_map(u16::to_le_bytes).collect());
    for line in hostile {
        if let Ok(read) = read(&line) {
            panic!("{}…\nwas read as {:.300}", String::from_utf8_lossy(&line[..line.len().min(600)]), format!("{:?}", read.entry));
        }
        if let Ok(text) = std::str::from_utf8(&line) {
            assert!(read_unproved(text).and_then(|fields| Ok(fields.check()?)).is_err(), "unproved: {:.600}", text);
        }
    }
    assert!(read(allocations("{\"a\": 3, \"b\": 7}").as_bytes()).is_ok(), "the frame of the netted lines above is sound");
    assert!(read(and(&format!("\"x\": {}", nested(100, "[", "]"))).as_bytes()).is_ok());
    let deep = refusal(and(&format!("\"x\": {}", nested(101, "[", "]"))).as_bytes());
    assert!(deep.starts_with("field `x`: is nested deeper than 100 (value: \"[[["), "{deep}");
    let longest = and(&format!("\"x\": \"{}\"", "x".repeat(MAX_LINE_BYTES)));
    assert_eq!(read(longest.as_bytes()).err(), Some(LineError::TooLong(longest.len())));
}

/// Story: a damaged checksum must not pass for a line that never had one, so anything at the end of a line that
/// looked nearly like one was refused; `,"price":"150.2500"}` did, four characters away from `,"crc32":"150.2500"}`.
#[test]
fn a_line_without_a_checksum_may_end_with_any_field() {
    for member in
        [r#""crc":":_a0Aa📈""#, r#""price":"150.2500""#, r#""price":"1.234567""#, r#""notes":"abcdefgh""#, r#""venue":"abcdefgh""#]
    {
        let name = &member[..8];
        let frame = LEGACY.replace(": ", ":").replace(", ", ",");
        let kept: Vec<(String, String)> = members(&frame).into_iter().filter(|(other, _)| !name.starts_with(other.as_str())).collect();
        let frame = joined(&kept);
        let text = format!("{},{member}}}", &frame[..frame.len() - 1]);
        let read = read(text.as_bytes()).unwrap_or_else(|e| panic!("{member}: {e}"));
        assert!(!read.checksummed);
    }
}

/// Story: two numbers that share no scale were called equal when their whole parts were. At 36 digits none are
/// left whose whole parts agree; the others still compare.
#[test]
fn numbers_too_far_apart_to_share_a_scale_compare() {
    let coarse = Decimal::parse("17014118346.9").expect("fits");
    let fine = Decimal::parse("1701411834.10000000000000000000000001").expect("fits");
    let tiny = Decimal::new(1, 38).expect("a scale");
    for (large, small) in [(coarse, fine), (coarse, tiny), (fine, tiny)] {
        assert!(large > small);
        assert!(small < large);
        assert_ne!(large, small);
        assert!(large.negated() < small.negated() && large > small.negated());
    }
    assert!(Decimal::parse("17014118346.10000000000000000000000001").is_err(), "37 digits");
}

/// Story: a weight of 26 places was accepted beside a quantity and a price that left no room for it; the entry was
/// durable, and from then on every report ended at it.
#[test]
fn what_is_accepted_can_be_accounted() {
    let fine = "0.00000000000000000000000001";
    let rest = "0.99999999999999999999999999";
    for (quantity, price) in [("1.5", "1.25"), ("10", "150.25"), ("0.000000001", "0.0000000000001"), ("1", "0.00000000000000000001")] {
        let fields = Fields {
            strategy_name: None,
            quantity: Quantity(decimal(quantity)),
            price: Price(decimal(price)),
            allocations: vec![(own("a"), decimal(fine)), (own("b"), decimal(rest))],
            ..plain()
        };
        if let Ok(entry) = fields.check() {
            let mut fills = Fills::new();
            fills.push(&entry).expect("room");
            assert!(summarize(&fills, &Options::default(), &Default::default()).is_ok(), "{quantity} @ {price} was accepted");
        }
    }
    let weights = |a: &str, b: &str| {
        let allocations = vec![(own("a"), decimal(a)), (own("b"), decimal(b))];
        Fields { strategy_name: None, quantity: Quantity(decimal("1.5")), price: Price(decimal("1.25")), allocations, ..plain() }.check()
    };
    assert!(weights("0.5", "0.5").is_ok());
    let message = weights(fine, rest).expect_err("27 places").to_string();
    assert!(
        message.starts_with(
            "field `allocations`: the share of a times the price is more than can be held exactly (26 decimal places, 36 digits)"
        ),
        "{message}"
    );
}

/// Story: a row with notes of almost a mebibyte was accepted and acknowledged; its line, with ids and checksum, was
/// longer than any reader takes, and from then on every report ended at it.
#[test]
fn what_is_accepted_can_be_read_back_however_long_it_is() {
    type Stretch = fn(&mut Fields<'static>, usize);
    let stretches: [(&str, Stretch); 5] = [
        ("x", |fields, size| fields.notes = Some("x".repeat(size).into())),
        ("\u{1}", |fields, size| fields.venue = Some("\u{1}".repeat(size).into())),
        ("an owner", |fields, size| {
            fields.strategy_name = None;
            fields.allocations = vec![("\u{e9}\"".repeat(size).into(), fields.quantity.0)];
        }),
        ("owners", |fields, size| {
            fields.strategy_name = None;
            fields.quantity = Quantity(Decimal::from(i64::try_from(size).expect("small")));
            fields.allocations = (0..size).map(|i| (i.to_string().into(), Decimal::ONE)).collect();
        }),
        ("unknown", |fields, size| fields.extra = vec![("\u{e9}".repeat(size).into(), format!("\"{}\"", "y".repeat(size)).into())]),
    ];
    for (what, stretch) in stretches {
        let stretched = |size| {
            let mut fields = plain();
            stretch(&mut fields, size);
            fields.check()
        };
        // the largest size that is accepted
        let (mut fits, mut too_long) = (1, MAX_LINE_BYTES);
        while too_long - fits > 1 {
            let middle = fits.midpoint(too_long);
            if stretched(middle).is_ok() { fits = middle } else { too_long = middle }
        }
        let entry = stretched(fits).expect("accepted");
        let line = line(&entry);
        assert!(line.len() > MAX_LINE_BYTES / 5, "{what}: refused at {fits}");
        assert_eq!(read(&line).expect(what).entry, entry);
        let mut unchecked = Vec::new();
        write_json(&entry, &mut unchecked);
        assert_eq!(read(&unchecked).expect(what).entry, entry);
        assert!(stretched(fits + 1).expect_err(what).reason.contains("too long"), "{what}");
    }
    // a line of another system that would grow too long with a checksum
    let mut foreign = Vec::new();
    write_json(&plain().check().expect("valid"), &mut foreign);
    let text = String::from_utf8(foreign).expect("text");
    let longer = text.replace("\"event-1\"", &format!("\"{}\"", "e".repeat(MAX_LINE_BYTES - text.len())));
    assert!(longer.len() <= MAX_LINE_BYTES);
    assert!(read(longer.as_bytes()).expect_err("refused").to_string().contains("too long"));
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn a_single_accepted_fill_always_gives_a_report(entry in entry()) {
        let mut fills = Fills::new();
        fills.push(&entry).expect("room");
        let summary = summarize(&fills, &Options::default(), &Default::default());
        prop_assert!(summary.is_ok(), "{:?}", summary);
        // and its row gives back every number and name
        let fill = fills.fill(0);
        prop_assert_eq!((fill.quantity(), fill.price(), fill.fees(), fill.sequence()), (entry.quantity, entry.price, entry.fees, entry.sequence));
        prop_assert_eq!((fill.timestamp(), fill.side(), fill.asset_type()), (entry.timestamp, entry.side, entry.asset_type));
        prop_assert_eq!((fill.symbol(), fill.strategy_name(), fill.account_id()), (&*entry.symbol, entry.strategy_name.as_deref(), entry.account_id.as_deref()));
        prop_assert_eq!(fill.ledger_id().to_string(), &*entry.ledger_id);
        prop_assert_eq!(fill.order_id().to_string(), &*entry.order_id);
        prop_assert_eq!(fill.fill_id().map(|id| id.to_string()), entry.fill_id.as_deref().map(str::to_owned));
        prop_assert_eq!(fills.find(entry.key()), Some(0));
    }
}
