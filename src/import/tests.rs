//! The importers as their callers see them: files in, entries and findings out.

use std::collections::BTreeSet;

use trade_ledger_core::line;

use super::csv_map::CsvMap;
use super::strategy::{StrategyMap, StrategyRule};
use super::*;

fn run(format: Format, defaults: Defaults, files: &[&[u8]]) -> Imported {
    let files = files.iter().enumerate().map(|(i, text)| (format!("f{i}"), *text));
    import(format, defaults, files).unwrap()
}

fn record(text: impl AsRef<[u8]>) -> Imported {
    run(Format::Entries, Defaults::default(), &[text.as_ref()])
}

fn alpaca(files: &[&str]) -> Imported {
    let files: Vec<&[u8]> = files.iter().map(|text| text.as_bytes()).collect();
    run(Format::Alpaca, Defaults::default(), &files)
}

fn mapped(map: CsvMap, text: &str) -> Imported {
    run(Format::Csv(map), Defaults::default(), &[text.as_bytes()])
}

/// line, field and reason of the only rejection
fn refused(imported: &Imported) -> (u64, &str, &str) {
    assert_eq!(imported.rejected.len(), 1, "{:?}", imported.rejected);
    let it = &imported.rejected[0];
    (it.line, &it.field, &it.reason)
}

/// the fills as the ledger would hold them: each once, in any order
fn lines(imported: &Imported) -> BTreeSet<String> {
    let write = |located: &Located| {
        let mut out = Vec::new();
        line::write(&located.entry, &mut out);
        String::from_utf8(out).unwrap()
    };
    imported.entries.iter().map(write).collect()
}

const FIRST: &str =
    r#"{"symbol":"abc","side":"buy","quantity":"10.50","price":12.5,"timestamp":"2024-01-15T09:30:00-05:00","order_id":"o-1"}"#;

mod entries {
    use super::*;

    #[test]
    fn six_fields_are_enough_and_the_derived_ids_are_pinned() {
        let imported = record(FIRST);
        assert_eq!(imported.rejected, []);
        let entry = &imported.entries[0].entry;
        assert_eq!((&*entry.symbol, entry.side.as_str(), &*entry.quantity.to_string()), ("ABC", "BUY", "10.50"));
        assert_eq!(entry.timestamp.to_string(), "2024-01-15T14:30:00+00:00");
        assert_eq!((&*entry.source, entry.fees.is_zero(), entry.strategy_name.as_deref()), ("record", true, None));
        assert_eq!(&*entry.ledger_id, "5ac5c69b-d285-5046-a4ad-a59931d2cfa4");
        assert_eq!(&*entry.event_id, "53640ab1-3b4a-5437-bad6-006408076a3f");
        assert_eq!(&*entry.correlation_id, "51eea070-e2ac-5a6c-840f-7de71f22e6ee");
        assert_eq!(&*entry.causation_id, "933f0a92-b63b-500c-a220-4a74d0322597");
        assert!(identity::is_only_fill(entry));
        let with_fill = record(FIRST.replace("}", r#","fill_id":"f-1"}"#));
        assert_eq!(&*with_fill.entries[0].entry.ledger_id, "1e72a5bc-8ca5-5037-b2f8-eb7a63954b25");
        assert!(!identity::is_only_fill(&with_fill.entries[0].entry));
    }

    #[test]
    fn every_spelling_of_a_file_gives_the_same_entries() {
        let second = FIRST.replace("o-1", "o-2");
        let want = lines(&record(format!("[{FIRST},{second}]")));
        assert_eq!(want.len(), 2);
        let pretty = format!("{FIRST}\n{second}").replace(",\"", ",\n  \"").replace('{', "{\n  ").replace('}', "\n}");
        let csv = "symbol,side,quantity,price,timestamp,order_id\nabc,buy,10.50,12.5,2024-01-15T09:30:00-05:00,o-1\nabc,Buy, 10.50 ,12.5,2024-01-15T14:30:00Z,o-2\n";
        let jumbled = "ORDER_ID,Timestamp,price,fees,quantity,side,symbol\r\no-1,2024-01-15T14:30:00Z,12.5,,10.50,BUY,ABC\r\n\r\no-2,2024-01-15T14:30:00Z,12.5,,10.50,BUY,ABC";
        for text in [
            format!("{FIRST}\n{second}\n"),
            format!("\u{feff}{FIRST}\r\n\r\n{second}"),
            pretty.clone(),
            format!("[\n{}\n]", pretty.replace("}\n{", "},\n{")),
            csv.to_owned(),
            jumbled.to_owned(),
            format!("\u{feff}{csv}"),
        ] {
            let imported = record(&text);
            assert_eq!(imported.rejected, [], "{text}");
            assert_eq!(lines(&imported), want, "{text}");
        }
    }

    #[test]
    fn a_ledger_line_comes_back_as_it_was_without_its_checksum() {
        let text = FIRST.replace("}", r#","fill_id":"f","notes":"a\nb","allocations":{"x":"10","y":0.50},"broker":{"raw":1.10}}"#);
        let first = record(text);
        let ledger: String = lines(&first).into_iter().collect();
        assert!(ledger.contains("\"crc32\"") && ledger.contains("\"broker\":{\"raw\":1.10}"), "{ledger}");
        assert_eq!(lines(&record(&ledger)), lines(&first));
    }

    /// Story: a line with a flipped digit, refused by its own ledger, was recorded into another one, where it got a
    /// new checksum and could not be told from a sound one any more.
    /// Story: pages of one order imported one by one were said to lack what the ledger already held.
    #[test]
    fn what_the_ledger_holds_of_an_order_is_not_missing() {
        let row = |fill: u32, qty: u32, cum: u32| {
            format!(
                r#"[{{"activity_type":"FILL","id":"2024::f{fill}","transaction_time":"2024-01-02T15:00:0{fill}Z","type":"partial_fill","price":"1","qty":"{qty}","side":"buy","symbol":"A","leaves_qty":"9","order_id":"o","cum_qty":"{cum}"}}]"#
            )
        };
        let mut first = Vec::new();
        let mut importer = Importer::new(Format::Alpaca, Defaults::default());
        importer.read("p1", io::Cursor::new(row(1, 2, 2)), &mut |it| first.push(it.entry)).unwrap();
        let mut second = Importer::new(Format::Alpaca, Defaults::default());
        second.read("p3", io::Cursor::new(row(3, 5, 10)), &mut |_| {}).unwrap();
        assert_eq!(second.orders_with_gaps().into_iter().collect::<Vec<_>>(), ["o"]);
        first.iter().for_each(|entry| second.already_known(entry));
        let missing: Vec<String> = second.finish().gaps.iter().map(|gap| gap.missing.to_string()).collect();
        assert_eq!(missing, ["3"], "5 up to the third fill, 2 of which are known");
    }

    #[test]
    fn a_ledger_line_that_was_altered_or_formatted_anew_is_refused_with_the_way_out() {
        let ledger: String = lines(&record(FIRST)).into_iter().collect();
        for (altered, says) in [
            (ledger.replace("10.50", "90.50"), "checksum mismatch"),
            (ledger.replace("\":\"", "\": \""), "proves nothing once the line was formatted anew"),
            (FIRST.replace("}", r#","crc32":"deadbeef"}"#), "checksum mismatch"),
        ] {
            let imported = record(&altered);
            let [refused] = &imported.rejected[..] else { panic!("{altered}: {:?}", imported.rejected) };
            assert_eq!((imported.entries.len(), refused.field.as_str()), (0, "crc32"), "{altered}");
            assert!(refused.reason.contains(says) && refused.reason.contains("remove this field"), "{}", refused.reason);
        }
    }

    #[test]
    fn a_bad_value_is_named_with_what_would_be_right() {
        for (from, to, field, says) in [
            ("\"10.50\"", "\"1,234.50\"", "quantity", "no thousands separators"),
            ("\"10.50\"", "\"$5\"", "quantity", "signs of currency"),
            ("\"10.50\"", "\"1_000\"", "quantity", "such as 12.50"),
            ("\"10.50\"", "\"\"", "quantity", "not a decimal number"),
            ("\"10.50\"", "true", "quantity", "must be a number"),
            ("\"10.50\"", "-5", "quantity", "above zero"),
            ("\"10.50\"", "0", "quantity", "above zero"),
            ("\"10.50\"", "1e400", "quantity", "more digits"),
            ("\"10.50\"", "123456789012345678901234567890", "quantity", "more digits"),
            ("\"10.50\"", "\"NaN\"", "quantity", "not a decimal number"),
            ("12.5", "0.1234567890123456789012345678", "price", "more digits"),
            ("\"buy\"", "\"B\"", "side", "must be BUY or SELL"),
            ("\"buy\"", "1", "side", "must be a string"),
            ("-05:00", "", "timestamp", "no offset"),
            ("\"2024-01-15T09:30:00-05:00\"", "1705329000", "timestamp", "must be a string"),
            ("\"o-1\"", "null", "order_id", "is required"),
            ("\"o-1\"", "\"\"", "order_id", "must not be empty"),
            ("\"o-1\"", "\"\\ud800\"", "order_id", "not a JSON string"),
            ("\"o-1\"", "\"a\\u0000\"", "order_id", "control"),
            ("\"o-1\"", "\"o\",\"order_id\":\"o\"", "order_id", "stands twice"),
            ("\"o-1\"", "\"o\",\"x\":1,\"x\":1", "x", "stands twice"),
            ("\"o-1\"", "\"o\",\"schema_version\":2", "schema_version", "please upgrade"),
            ("\"o-1\"", "\"o\",\"allocations\":[1]", "allocations", "must be a JSON object"),
            ("12.5", "NaN", "", "is not a JSON object"),
        ] {
            let bad = FIRST.replace(from, to);
            let imported = record(format!("{bad}\n{}\n", FIRST.replace("o-1", "o-2")));
            let (line, named, reason) = refused(&imported);
            assert_eq!((line, named), (1, field), "{bad}: {reason}");
            assert!(reason.contains(says), "{bad}: {reason}");
            assert_eq!(imported.entries.len(), 1, "the good row stays");
        }
    }

    #[test]
    fn rejections_print_in_the_documented_order() {
        let imported = record("symbol,side,quantity,price,timestamp,order_id\nA,BUY,\"1,234\",1,2024-01-15T14:30:00Z,o");
        let json = serde_json::to_string(&imported.rejected).unwrap();
        assert!(json.starts_with(r#"[{"file":"f0","line":2,"field":"quantity","value":"1,234","reason":"not a decimal"#), "{json}");
    }

    #[test]
    fn csv_cells_keep_unknown_columns_and_refuse_ids_with_spaces() {
        let header = "symbol,side,quantity,price,timestamp,order_id,desk,notes,crc32,fill_id\n";
        let imported = record(format!("{header}A,sell,1,2,2024-01-15T14:30:00Z,o,\"x, \"\"y\"\"\",\"two\nlines\",deadbeef,\n"));
        let entry = &imported.entries[0].entry;
        assert_eq!(entry.extra, [("desk".into(), "\"x, \\\"y\\\"\"".into())]);
        assert_eq!((entry.notes.as_deref(), entry.fill_id.as_deref()), (Some("two\nlines"), None));
        let imported = record(format!("{header}A,sell,1,2,2024-01-15T14:30:00Z, o,,,,\nA,sell,1,2,2024-01-15T14:30:00Z,o,,,,\n"));
        assert_eq!(refused(&imported).1, "order_id");
        assert_eq!(imported.entries.len(), 1);
    }

    #[test]
    fn a_file_that_is_something_else_is_one_rejection_with_the_way_out() {
        let utf16: Vec<u8> = FIRST.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [b"\xff\xfe".as_slice(), &utf16].concat();
        for (text, says) in [
            (b"".as_slice(), "is empty"),
            (b"\xef\xbb\xbf \r\n", "is empty"),
            (b"<!DOCTYPE html><html>error 502</html>", "web page"),
            (b"\x1f\x8b\x08\x00abc", "gunzip"),
            (b"PK\x03\x04abc", "Excel"),
            (b"%PDF-1.7", "PDF"),
            (&utf16, "UTF-16"),
            (&marked, "UTF-16"),
            (b"Dear broker,\nplease see the fills below.\n1,2\n", "neither JSON nor a CSV of entries"),
            (b"symbol;side;quantity;price;timestamp;order_id\n", "--delimiter"),
            (b"symbol,side,price,timestamp,order_id\n1,2,3,4,5\n", "lacks quantity"),
            (b"symbol,side,quantity,price,timestamp,order_id,Symbol\n", "twice"),
        ] {
            let imported = record(text);
            let (line, field, reason) = refused(&imported);
            assert_eq!((line, field), (1, ""));
            assert!(reason.contains(says), "{says}: {reason}");
            assert_eq!(imported.entries, []);
        }
    }

    #[test]
    fn broken_rows_never_hide_the_good_ones() {
        let text = format!("{FIRST}\n{}\n\n[1]\n\"text\"\n{{}}\n{}\n", &FIRST[..60], FIRST.replace("o-1", "o-9"));
        let imported = record(&text);
        assert_eq!(imported.entries.iter().map(|it| (it.line, &*it.entry.order_id)).collect::<Vec<_>>(), [(1, "o-1"), (7, "o-9")]);
        assert!(imported.rejected.iter().any(|it| it.line == 2), "{:?}", imported.rejected);
        let nested = format!("{FIRST}\n{}\n{}\n", "[".repeat(100_000), FIRST.replace("o-1", "o-9"));
        let imported = record(&nested);
        assert_eq!((imported.entries.len(), refused(&imported).0), (2, 2));
    }
}

mod defaults {
    use super::*;

    fn with(defaults: Defaults, text: &str) -> Imported {
        run(Format::Entries, defaults, &[text.as_bytes()])
    }

    #[test]
    fn the_account_fills_what_is_missing_and_refuses_another() {
        let defaults = Defaults { account: Some("main".into()), source: Some("desk".into()), ..Defaults::default() };
        let imported = with(defaults.clone(), FIRST);
        assert_eq!(imported.entries[0].entry.account_id.as_deref(), Some("main"));
        assert_eq!(imported.entries[0].entry.source, "desk");
        let same = with(defaults.clone(), &FIRST.replace("}", r#","account_id":"main"}"#));
        assert_eq!(same.entries, imported.entries);
        let other = with(defaults, &FIRST.replace("}", r#","account_id":"other"}"#));
        assert_eq!(refused(&other).1, "account_id");
    }

    #[test]
    fn the_account_is_no_part_of_the_ids() {
        let imported = with(Defaults { account: Some("main".into()), ..Defaults::default() }, FIRST);
        assert_eq!(imported.entries[0].entry.ledger_id, record(FIRST).entries[0].entry.ledger_id);
    }

    #[test]
    fn a_rule_gives_the_strategy_unless_the_row_says_otherwise() {
        let fixed = || Defaults { strategy: StrategyRule::Fixed("momo".into()), ..Defaults::default() };
        assert_eq!(with(fixed(), FIRST).entries[0].entry.strategy_name.as_deref(), Some("momo"));
        let same = with(fixed(), &FIRST.replace("}", r#","strategy_name":" momo "}"#));
        assert_eq!(same.entries[0].entry.strategy_name.as_deref(), Some("momo"));
        let other = with(fixed(), &FIRST.replace("}", r#","strategy_name":"rev"}"#));
        assert_eq!(refused(&other).1, "strategy_name");
        let unattributed = with(Defaults { strategy: StrategyRule::Fixed("unattributed".into()), ..Defaults::default() }, FIRST);
        assert_eq!(refused(&unattributed).1, "strategy_name");
    }

    #[test]
    fn without_an_answer_of_the_rule_the_row_keeps_its_own() {
        let map = StrategyMap::read("map", &mut "client_order_id,strategy\nc1,momo\n".as_bytes()).unwrap();
        for strategy in [StrategyRule::prefix("_").unwrap(), StrategyRule::Map(map)] {
            let own = with(
                Defaults { strategy, ..Defaults::default() },
                &FIRST.replace("}", r#","client_order_id":"c9","strategy_name":"rev"}"#),
            );
            assert_eq!(own.entries[0].entry.strategy_name.as_deref(), Some("rev"));
        }
    }
}

mod alpaca_pages {
    use super::*;

    /// an execution of an order: number, order, symbol, side, quantity, running total, rest, second
    fn fill(n: u32, order: &str, symbol: &str, side: &str, (qty, cum, leaves): (u32, u32, u32), second: u32) -> String {
        let (kind, status) = if leaves == 0 { ("fill", "filled") } else { ("partial_fill", "partially_filled") };
        format!(
            r#"{{"id":"202603021430{second:02}123::{n:08x}-0000-4000-8000-00000000abcd","activity_type":"FILL","transaction_time":"2026-03-02T14:30:{second:02}.123456Z","type":"{kind}","price":"101.25","qty":"{qty}","side":"{side}","symbol":"{symbol}","leaves_qty":"{leaves}","order_id":"{order}","cum_qty":"{cum}","order_status":"{status}"}}"#
        )
    }

    fn fee(kind: &str) -> String {
        format!(
            r#"{{"id":"20260302000000000::ff","activity_type":"FEE","activity_sub_type":"{kind}","date":"2026-03-02","net_amount":"-0.01","description":"{kind} fee","status":"executed"}}"#
        )
    }

    fn page(rows: &[String]) -> String {
        format!("[\n{}\n]\n", rows.join(",\n"))
    }

    /// newest first as Alpaca sends it: a whole order, one with a hole, one cut at its start, one still open
    fn rows() -> Vec<String> {
        vec![
            fill(9, "open", "XYZ", "buy", (1, 1, 4), 9),
            fill(8, "hole", "DEF", "sell_short", (2, 10, 0), 8),
            fee("CAT"),
            fill(7, "whole", "ABC", "buy", (2, 5, 0), 7),
            fill(6, "whole", "ABC", "buy", (2, 3, 2), 7),
            fill(5, "whole", "ABC", "buy", (1, 1, 4), 7),
            fee("TAF"),
            fee("CAT"),
            r#"{"id":"x","activity_type":"DIV","net_amount":"1.02"}"#.into(),
            fill(4, "hole", "DEF", "sell_short", (5, 5, 5), 4),
            fill(3, "cut", "GHI", "sell", (3, 7, 0), 1),
        ]
    }

    #[test]
    fn fills_become_entries_and_other_rows_are_counted_by_kind() {
        let imported = alpaca(&[&page(&rows())]);
        assert_eq!(imported.rejected, []);
        assert_eq!(imported.entries.len(), 7);
        let kinds: Vec<_> = imported.skipped.iter().map(|it| (&*it.kind, it.count)).collect();
        assert_eq!(kinds, [("DIV", 1), ("FEE (CAT)", 2), ("FEE (TAF)", 1)]);
        let it = &imported.entries[1];
        assert_eq!((it.line, it.entry.fill_id.as_deref()), (3, Some("00000008-0000-4000-8000-00000000abcd")));
        let entry = &it.entry;
        assert_eq!((entry.side.as_str(), &*entry.symbol, entry.asset_type, entry.venue.as_deref()), ("SELL", "DEF", None, Some("ALPACA")));
        assert_eq!((entry.sequence.unwrap().to_string().as_str(), &*entry.source), ("10", "import.alpaca"));
        assert_eq!(&*entry.ledger_id, "2f5f752e-7eb4-5fed-8dc6-980c677a01b9");
        let extra: Vec<_> = entry.extra.iter().map(|(name, raw)| format!("{name}={raw}")).collect();
        assert_eq!(
            extra,
            [
                r#"alpaca_activity_id="20260302143008123::00000008-0000-4000-8000-00000000abcd""#,
                r#"type="fill""#,
                r#"alpaca_side="sell_short""#,
                r#"leaves_qty="0""#,
                r#"cum_qty="10""#,
                r#"order_status="filled""#
            ]
        );
    }

    #[test]
    fn only_proven_gaps_are_named() {
        let imported = alpaca(&[&page(&rows())]);
        let gaps: Vec<_> = imported.gaps.iter().map(ToString::to_string).collect();
        assert_eq!(
            gaps,
            [
                "order cut (GHI, SELL) is missing 4 before 2026-03-02T14:30:01.123456+00:00",
                "order hole (DEF, SELL) is missing 3 between 2026-03-02T14:30:04.123456+00:00 and 2026-03-02T14:30:08.123456+00:00"
            ]
        );
    }

    #[test]
    fn another_page_closes_the_gaps_in_any_order() {
        let rest = [fill(1, "cut", "GHI", "sell", (4, 4, 3), 0), fill(2, "hole", "DEF", "sell_short", (3, 8, 2), 6)];
        let (first, second) = (page(&rows()), page(&rest));
        assert_eq!(alpaca(&[&first, &second]).gaps, []);
        assert_eq!(alpaca(&[&second, &first, &second]).gaps, []);
    }

    #[test]
    fn shuffled_repeated_and_overlapping_pages_give_the_same_entries() {
        let whole = lines(&alpaca(&[&page(&rows())]));
        assert_eq!(whole.len(), 7);
        let mut turned = rows();
        turned.reverse();
        turned.rotate_left(3);
        assert_eq!(lines(&alpaca(&[&page(&turned)])), whole);
        let pieces = alpaca(&[&page(&rows()[6..]), &page(&rows()[2..8]), &page(&rows()[..5]), &page(&rows())]);
        assert_eq!(lines(&pieces), whole);
        assert_eq!(pieces.gaps, alpaca(&[&page(&rows())]).gaps);
        assert_eq!(pieces.entries.len(), 2 + 3 + 4 + 7);
    }

    #[test]
    fn numbers_may_be_numbers_and_unknown_members_stay_apart_from_fields() {
        let row = fill(1, "o", "ABC", "buy", (2, 2, 0), 1)
            .replace("\"101.25\"", "0.00000012345678901")
            .replace("\"qty\"", "\"source\":\"api\",\"notes\":{\"a\":[1.0]},\"client_order_id\":\"momo_1\",\"qty\"");
        let defaults = Defaults { strategy: StrategyRule::prefix("_").unwrap(), ..Defaults::default() };
        let imported = run(Format::Alpaca, defaults, &[page(&[row]).as_bytes()]);
        assert_eq!(imported.rejected, []);
        let entry = &imported.entries[0].entry;
        assert_eq!((&*entry.price.to_string(), &*entry.source), ("0.00000012345678901", "import.alpaca"));
        assert_eq!((entry.strategy_name.as_deref(), entry.client_order_id.as_deref()), (Some("momo"), Some("momo_1")));
        assert!(entry.extra.contains(&("alpaca_source".into(), "\"api\"".into())));
        assert!(entry.extra.contains(&("alpaca_notes".into(), "{\"a\":[1.0]}".into())));
        assert_eq!(lines(&record(lines(&imported).into_iter().collect::<String>())), lines(&imported), "its ledger line reads back");
    }

    #[test]
    fn rows_that_are_not_what_they_seem_are_refused() {
        let good = fill(1, "o", "ABC", "buy", (2, 2, 0), 1);
        for (from, to, field) in [
            ("::", ":", "id"),
            ("00000001-0000-4000-8000-00000000abcd", "", "id"),
            ("\"side\":\"buy\"", "\"side\":\"buy_minus\"", "side"),
            ("\"type\":\"fill\"", "\"type\":\"trade_bust\"", "type"),
            ("\"activity_type\":\"FILL\",", "", "activity_type"),
            ("\"qty\":\"2\"", "\"qty\":\"-2\"", "quantity"),
            ("\"cum_qty\":\"2\"", "\"cum_qty\":\"two\"", "sequence"),
            ("\"cum_qty\":\"2\"", "\"cum_qty\":\"1\"", "cum_qty"),
            ("\"order_id\":\"o\",", "", "order_id"),
            ("Z\"", "\"", "timestamp"),
        ] {
            let imported = alpaca(&[&page(&[good.replace(from, to), fill(2, "p", "ABC", "buy", (1, 1, 0), 1)])]);
            assert_eq!(refused(&imported).1, field, "{to}: {:?}", imported.rejected);
            assert_eq!(imported.entries.len(), 1);
        }
        let error = alpaca(&[r#"{"code":40110000,"message":"request is not authorized"}"#]);
        assert_eq!(refused(&error).1, "activity_type");
        assert!(refused(&alpaca(&["symbol,side\n"])).2.contains("account/activities"));
        assert_eq!(alpaca(&["[]"]), Imported::default());
    }
}

mod coinbase_statements {
    use super::*;

    const HEADER: &str = "portfolio,trade id,product,side,created at,size,size unit,price,fee,total,price/fee/total unit";
    const ROWS: [&str; 4] = [
        "default,101,ABC-USD,BUY,2022-05-01T10:00:00.505Z,400.10000000,ABC,0.8,1.5,-321.58,USD",
        "default,102,ABC-USD,BUY,2022-05-01T10:00:00.505Z,400.10000000,ABC,0.8,1.5,-321.58,USD",
        "default,103,ABC-USD,SELL,2022-05-01T10:00:00.505Z,0.00000100,ABC,0.75,3.75e-9,7.4625e-7,USD",
        "default,101,XYZ-EUR,SELL,2022-05-02T10:00:00Z,2,XYZ,10,0,20,EUR",
    ];

    fn statement(rows: &[&str]) -> Imported {
        coinbase(&format!("{HEADER}\r\n{}", rows.join("\r\n")))
    }

    fn coinbase(text: &str) -> Imported {
        run(Format::Coinbase, Defaults::default(), &[text.as_bytes()])
    }

    #[test]
    fn rows_become_fills_of_orders_named_by_product_and_trade() {
        let imported = statement(&ROWS);
        assert_eq!((imported.rejected.len(), imported.entries.len(), lines(&imported).len()), (0, 4, 4));
        let entry = &imported.entries[2].entry;
        assert_eq!((&*entry.order_id, entry.fill_id.as_deref()), ("coinbase:ABC-USD:103", Some("103")));
        assert_eq!((&*entry.symbol, entry.asset_type.unwrap().as_str(), entry.side.as_str()), ("ABC/USD", "CRYPTO", "SELL"));
        assert_eq!((&*entry.fees.to_string(), &*entry.quantity.to_string()), ("0.00000000375", "0.00000100"));
        assert_eq!(
            (entry.account_id.as_deref(), &*entry.source, entry.venue.as_deref()),
            (Some("default"), "import.coinbase", Some("COINBASE"))
        );
        assert_eq!(entry.sequence.unwrap().to_string(), "103");
        let names: Vec<_> = entry.extra.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["portfolio", "size unit", "total", "price/fee/total unit"]);
        assert_eq!(&*entry.ledger_id, "36778371-7290-57ea-9359-29e25533ea64");
    }

    #[test]
    fn another_column_order_more_columns_and_pieces_give_the_same_fills() {
        let whole = lines(&statement(&ROWS));
        assert_eq!(lines(&statement(&[ROWS[3], ROWS[1], ROWS[0], ROWS[2], ROWS[1]])), whole);
        let turned = "Total,fee,price,size,created at,side,product,trade id,portfolio,memo\n-321.58,1.5,0.8,400.10000000,2022-05-01T10:00:00.505Z,BUY,ABC-USD,101,default,m\n";
        let turned = coinbase(turned);
        assert_eq!(turned.rejected, []);
        assert_eq!(turned.entries[0].entry.ledger_id, statement(&ROWS).entries[0].entry.ledger_id);
    }

    #[test]
    fn a_total_that_is_not_the_arithmetic_of_its_row_is_refused() {
        for (from, to, field) in [
            ("-321.58", "-321.59", "total"),
            ("-321.58", "321.58", "total"),
            ("-321.58", "", "total"),
            ("1.5,", "1.4,", "total"),
            (",1.5,", ",,", "fees"),
            ("BUY", "SELL", "total"),
            ("BUY", "TRANSFER", "side"),
            (",101,", ",101.0,", "trade id"),
            (",101,", ",,", "trade id"),
            ("ABC-USD", "ABCUSD", "product"),
        ] {
            let bad = ROWS[0].replacen(from, to, 1);
            let imported = statement(&[&bad, ROWS[1]]);
            let (line, named, reason) = refused(&imported);
            assert_eq!((line, named), (2, field), "{bad}: {reason}");
            assert_eq!(imported.entries.len(), 1);
        }
        let exact = statement(&[&ROWS[0].replace("-321.58", "-321.6")]);
        assert_eq!(refused(&exact).2, "the row contradicts itself: -(size × price + fee) is -321.58");
    }

    #[test]
    fn a_missing_column_is_one_rejection_that_names_it() {
        let imported = coinbase(&format!("{}\n{}\n{}\n", HEADER.replace("fee,total", "total"), ROWS[0], ROWS[1]));
        assert!(refused(&imported).2.ends_with("the header lacks fee"), "{:?}", imported.rejected);
    }

    #[test]
    fn the_account_asked_for_stands_instead_of_the_portfolio() {
        let defaults = Defaults { account: Some("cb".into()), ..Defaults::default() };
        let text = format!("{HEADER}\n{}\n", ROWS[0]);
        let imported = run(Format::Coinbase, defaults, &[text.as_bytes()]);
        assert_eq!(imported.entries[0].entry.account_id.as_deref(), Some("cb"));
    }
}

mod mapped_csv;

mod any_input {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_unreadable_file_is_an_error_after_the_rows_before_it() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let text = format!("{FIRST}\n").repeat(2000);
        let mut seen = 0;
        let mut importer = Importer::new(Format::Entries, Defaults::default());
        let error = importer.read("x", text.as_bytes().chain(Broken), &mut |_| seen += 1).unwrap_err();
        assert_eq!(error.to_string(), "cannot read x: the disk is gone");
        assert_eq!(seen, 2000);
    }

    const PIECES: [&str; 24] = [
        FIRST,
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        ",",
        ":",
        "\n",
        "\r\n",
        " ",
        "null",
        "-1e9",
        "\u{0}",
        "é",
        "symbol",
        "order_id",
        "buy",
        "FILL",
        "activity_type",
        "portfolio,trade id,product,side,created at,size,price,fee,total\n",
        "\u{feff}",
        "symbol,side,quantity,price,timestamp,order_id\n",
    ];

    proptest! {
        #[test]
        fn nothing_panics_and_every_fill_has_a_line(pieces in prop::collection::vec(0..PIECES.len(), 0..60), junk in any::<Vec<u8>>()) {
            let mut text: Vec<u8> = pieces.iter().flat_map(|at| PIECES[*at].bytes()).collect();
            text.extend(junk);
            let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            let map = CsvMap::new([]).unwrap().time_zone("America/New_York").unwrap();
            for format in [Format::Entries, Format::Alpaca, Format::Coinbase, Format::Csv(map)] {
                let imported = run(format, Defaults::default(), &[&text]);
                prop_assert!(imported.entries.iter().all(|it| (1..=lines).contains(&it.line)));
                prop_assert!(imported.rejected.iter().all(|it| (1..=lines).contains(&it.line)));
            }
        }

        #[test]
        fn a_broken_line_costs_no_whole_line_after_it(junk in "[^\n]{0,40}", whole in 1..5usize) {
            let good: String = (0..whole).map(|i| format!("{}\n", FIRST.replace("o-1", &format!("o-{i}")))).collect();
            let imported = record(format!("{FIRST}\n{junk}\n{good}"));
            let kept = imported.entries.iter().filter(|it| it.line > 2).count();
            prop_assert_eq!(kept, whole, "{:?}", imported.rejected);
        }
    }
}
