//! An [`Explanation`] as prose and sums a person can check.

use std::fmt::Display;

use trade_ledger::core::entry::UNATTRIBUTED;
use trade_ledger::core::lot::Direction;
use trade_ledger::core::time::Timestamp;

use super::explain::{ExplainedClose, ExplainedOpen, Explanation, FillBehind, Tag};
use super::failure::Failure;
use super::screen::Screen;
use super::text::{count, grouped, visible};

/// Writes it.
pub fn write(explanation: &Explanation<'_>, screen: &mut Screen) -> Result<(), Failure> {
    screen.heading(visible(&subject(explanation)))?;
    let closed = explanation.closed_lots.len() as u64;
    screen.line(format_args!(
        "Realized {} − fees {} = net {}, from {}",
        money(explanation.realized_pnl),
        money(explanation.fees),
        money(explanation.net_realized_pnl),
        count(closed, "closed lot"),
    ))?;
    for close in &explanation.closed_lots {
        screen.line("")?;
        write_close(close, &explanation.policy, screen)?;
    }
    let open = explanation.open_lots.len() as u64;
    screen.line("")?;
    let unrealized = explanation.unrealized_pnl.filter(|_| open > 0);
    let unrealized = unrealized.map_or_else(String::new, |pnl| format!(", unrealized {}", money(pnl)));
    screen.heading(format_args!("Still open: {}{unrealized}", count(open, "lot")))?;
    explanation.open_lots.iter().try_for_each(|lot| write_open(lot, &explanation.policy, screen))
}

fn subject(explanation: &Explanation<'_>) -> String {
    let mut parts = Vec::new();
    if let Some(strategy) = explanation.strategy {
        parts.push(if strategy == UNATTRIBUTED { "fills that belong to no strategy".to_owned() } else { format!("strategy {strategy}") });
    }
    if let Some(symbol) = explanation.symbol {
        parts.push(symbol.to_owned());
    }
    if let Some(lot) = explanation.lot_id {
        parts.push(format!("lot {lot}"));
    }
    let mut subject = parts.join(", ");
    if let Some(first) = subject.get(..1) {
        subject.replace_range(..1, &first.to_uppercase());
    }
    format!("{subject} (untagged fills shared {})", explanation.policy)
}

fn write_close(close: &ExplainedClose<'_>, policy: &str, screen: &mut Screen) -> Result<(), Failure> {
    let lot = &close.lot;
    let owner = owner(lot.strategy_name, lot.account_id);
    screen.heading(visible(&format!("{} {} closed {}{owner}", lot.symbol, lot.side.as_str(), instant(lot.closed_timestamp))))?;
    let (above, below) = match lot.side {
        Direction::Long => (lot.close_price, lot.open_price),
        Direction::Short => (lot.open_price, lot.close_price),
    };
    screen.line(format_args!(
        "  {} × ({} − {}) = {} gross; − {} fees = {} net",
        units(lot.quantity),
        money(above),
        money(below),
        money(lot.realized_pnl),
        money(lot.fees),
        money(lot.net_realized_pnl),
    ))?;
    write_fill("opened by", &close.opening, lot.quantity, policy, screen)?;
    write_fill("closed by", &close.closing, lot.quantity, policy, screen)
}

fn write_open(open: &ExplainedOpen<'_>, policy: &str, screen: &mut Screen) -> Result<(), Failure> {
    let lot = &open.lot;
    let owner = owner(lot.strategy_name.as_deref(), lot.account_id.as_deref());
    let basis = lot.cost_basis.map_or_else(|| "-".to_owned(), money);
    screen.line("")?;
    screen.heading(visible(&format!("{} {} open since {}{owner}", lot.symbol, lot.side.as_str(), instant(lot.opened_timestamp))))?;
    screen.line(format_args!(
        "  {} of {} left × {basis} = {} cost",
        units(lot.remaining_quantity),
        units(lot.quantity),
        money(lot.total_cost)
    ))?;
    if let (Some(price), Some(pnl)) = (open.current_price, open.unrealized_pnl) {
        let (above, below) = match lot.side {
            Direction::Long => (money(price), basis),
            Direction::Short => (basis, money(price)),
        };
        screen.line(format_args!("  {} × ({above} − {below}) = {} unrealized", units(lot.remaining_quantity), money(pnl)))?;
    }
    open.opening.as_ref().map_or(Ok(()), |fill| write_fill("opened by", fill, lot.quantity, policy, screen))
}

fn write_fill(
    what: &str,
    fill: &FillBehind<'_>,
    part: trade_ledger::core::money::Quantity,
    policy: &str,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let whole = format!("{} {} at {}", fill.side, units(fill.quantity), money(fill.price));
    let share = match fill.tag {
        Tag::Untagged if part != fill.quantity => format!("; this is {} of it: untagged, shared {policy}", units(part)),
        Tag::Untagged => "; untagged".to_owned(),
        Tag::Allocated => format!("; this is {} of it by its allocations", units(part)),
        Tag::Tagged if part != fill.quantity => format!("; this is {} of it", units(part)),
        Tag::Tagged => String::new(),
    };
    let fill_id = fill.fill_id.as_ref().map_or_else(String::new, |id| format!(" fill {id}"));
    let line = format!("  {what} {whole} on {}{share}", instant(fill.timestamp));
    screen.line(visible(&line))?;
    screen.line(visible(&format!("            order {}{fill_id} ledger {}", fill.order_id, fill.ledger_id)))
}

fn owner(strategy: Option<&str>, account: Option<&str>) -> String {
    let account = account.map_or_else(String::new, |account| format!(" in account {account}"));
    match strategy {
        Some(name) => format!(" for {name}{account}"),
        None => format!("{account}, {UNATTRIBUTED}"),
    }
}

fn money(amount: impl Display) -> String {
    grouped(&trimmed(&amount.to_string()), 2)
}

fn units(quantity: impl Display) -> String {
    grouped(&trimmed(&quantity.to_string()), 0)
}

/// Without zeros at the end of the fraction.
fn trimmed(number: &str) -> String {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.').to_owned() } else { number.to_owned() }
}

fn instant(at: Timestamp) -> String {
    let text = at.to_string();
    text.strip_suffix("+00:00").map_or_else(|| text.clone(), |instant| format!("{instant}Z"))
}
