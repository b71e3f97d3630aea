//! Rewriting rows of cells (RFC 4180, and what spreadsheets make of it).
//!
//! A row that may have the names of the columns is held, up to 256 KiB: it shows the delimiter, and
//! whether it has names. That is the first row, or, below a title, the first one with several cells,
//! or one below a blank line. A column is a member as in JSON: its name announces what its cells are,
//! rules about members act on it, and where only named members pass, the others go with one delimiter
//! each. Cells are searched one by one, without their quotes. A cell may say what one beside it is (`name,value`);
//! where the value stands first, rows are held too.

mod row;

use std::rc::Rc;

use crate::bytes::{Position as _, at, part, rest};
use crate::malformed::{Fault, Malformed};
use crate::media::CsvFormat;
use crate::member_rules::{FieldStart, MemberDecision, begin_field};
use crate::names::KeyInfo;
use crate::naming::Naming;
use crate::plan::Plan;
use crate::role::Role;
use crate::spelled::{Sink, Spelling};
use crate::tally::Tally;
use crate::value::ValueScanner;
use row::{Column, cells, delimiter_of, has_outside_quotes, has_separator, is_blank};

/// Rewrites a table of separated values as it streams.
#[derive(Debug)]
pub struct CsvRewriter {
    plan: Rc<Plan>,
    format: CsvFormat,
    delimiter: u8,
    /// A row that may be a header, until it is complete.
    held_row: Vec<u8>,
    in_held_quotes: bool,
    /// A row with several cells has come, so what has one cell only is no title.
    in_table: bool,
    /// So many rows of words have come that may be titles, or names that say nothing.
    rows_above: u8,
    /// The columns with a name, and behind them one for what is under none.
    columns: Rc<[Column]>,
    /// What cells of this row call those beside them.
    naming: Naming,
    /// A value stands before what names it.
    reads_ahead: bool,
    /// The first row is too long for one of names.
    malformed: Option<Malformed>,
    /// Whether the current row is the header row.
    is_header: bool,
    state: State,
    /// The place of the cell in its row.
    index: usize,
    /// A cell of this row has been written.
    written: bool,
    /// Nothing but spaces has come in this row.
    is_row_blank: bool,
    /// The row above is blank, and so this one may begin another table.
    is_below_blank: bool,
    /// The row that is read was held, or need not be, for what its cells call each other.
    is_read_ahead: bool,
    /// The row before has ended with CR, and LF may belong to it.
    after_cr: bool,
    value: ValueScanner,
    offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a row that may be a header, and is held.
    HeldRow,
    /// Before the first byte of a cell.
    Start,
    /// In a cell without quotes, or behind the quotes.
    Bare,
    /// Inside a quoted cell.
    Quoted,
    /// Behind a quote that may be one of two.
    Quote,
    /// In a cell that does not leave; inside its quotes or not.
    Dropped { quoted: bool },
    /// In such a cell, behind a quote that may be one of two.
    DroppedQuote,
}

impl CsvRewriter {
    /// A rewriter with this plan.
    #[must_use]
    pub fn new(plan: Rc<Plan>, format: CsvFormat) -> Self {
        Self {
            columns: Rc::new([Column::nameless(&plan)]),
            naming: Naming::default(),
            reads_ahead: false,
            malformed: None,
            plan,
            format,
            delimiter: b',',
            held_row: Vec::new(),
            in_held_quotes: false,
            in_table: false,
            rows_above: 0,
            is_header: false,
            state: State::HeldRow,
            index: 0,
            written: false,
            is_row_blank: true,
            is_below_blank: false,
            is_read_ahead: false,
            after_cr: false,
            value: ValueScanner::new(Spelling::Cell),
            offset: 0,
        }
    }

    /// Takes the next bytes, and writes what can leave.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let mut ahead = chunk;
        while !ahead.is_empty() {
            if self.state == State::HeldRow {
                let taken = self.hold_row(ahead);
                if !self.has_held_row() {
                    return;
                }
                ahead = rest(ahead, taken);
                self.begin_row(out, tally);
            } else {
                let taken = self.read(ahead, out, tally);
                ahead = rest(ahead, taken);
            }
        }
    }

    /// Ends the table: what is held is written.
    pub fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        if self.state == State::HeldRow {
            self.begin_row(out, tally);
        }
        let is_in_row = self.state != State::Start || self.index > 0;
        if is_in_row && self.state != State::HeldRow {
            self.end_cell(out, tally);
        }
    }

    /// Bytes that are held at the moment.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held_row.len().saturating_add(self.value.held())
    }

    /// Where a row turned out to be too long for names, if one did.
    pub(crate) const fn malformed(&self) -> Option<Malformed> {
        self.malformed
    }

    /// Takes a row, with its end, up to what may be held. Returns how many bytes belong to it.
    fn hold_row(&mut self, chunk: &[u8]) -> usize {
        for (position, byte) in chunk.iter().enumerate() {
            self.held_row.push(*byte);
            match byte {
                b'"' => self.in_held_quotes = !self.in_held_quotes,
                b'\n' | b'\r' if !self.in_held_quotes => return position.plus(1),
                _ => {}
            }
            if self.held_row.len() >= MAX_HELD_ROW_BYTES {
                return position.plus(1);
            }
        }
        chunk.len()
    }

    fn has_held_row(&self) -> bool {
        let is_complete = matches!(self.held_row.last(), Some(b'\n' | b'\r'));
        is_complete && !self.in_held_quotes || self.held_row.len() >= MAX_HELD_ROW_BYTES
    }

    /// A row is there, or all of it that may be held: is it a header, a title above one, or data?
    fn begin_row(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let row = std::mem::take(&mut self.held_row);
        if self.is_read_ahead {
            self.in_held_quotes = false;
            return self.read_named_row(&row, out, tally);
        }
        let without_mark = row.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&row);
        out.extend_from_slice(part(&row, 0, row.len().less(without_mark.len())));
        self.in_held_quotes = false;
        let line = without_mark.trim_ascii_end();
        let is_rest_of_end = std::mem::take(&mut self.after_cr) && without_mark == b"\n";
        if is_rest_of_end || line.is_empty() {
            if !is_rest_of_end {
                self.end_table();
            }
            out.extend_from_slice(without_mark);
            self.after_cr = without_mark.last() == Some(&b'\r');
            self.pass(row.len());
            return;
        }
        let is_below_blank = std::mem::take(&mut self.is_below_blank);
        // What spreadsheets write to name the delimiter.
        if let [b's', b'e', b'p', b'=', delimiter] = line {
            self.format.delimiter = Some(*delimiter);
            out.extend_from_slice(without_mark);
            self.pass(row.len());
            return;
        }
        self.pass(row.len().less(without_mark.len()));
        if !self.in_table || is_below_blank && !has_outside_quotes(line, self.delimiter) {
            let said = self.format.delimiter;
            let said = said.filter(|delimiter| has_outside_quotes(line, *delimiter));
            self.delimiter = said.unwrap_or_else(|| delimiter_of(line));
        }
        let cells = cells(line, self.delimiter);
        let is_whole = without_mark.len() < MAX_HELD_ROW_BYTES && cells.len() <= MAX_COLUMNS;
        if !is_whole && !self.in_table && self.format.header != Some(false) {
            self.malformed.get_or_insert(Malformed {
                offset: self.offset,
                what: Fault::EndlessRow,
            });
        }
        let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
        let is_single_comment = matches!(*line, [b'#', _, ..]) && cells.len() == 1;
        let is_of_names = is_whole
            && !is_single_comment
            && self.format.header != Some(false)
            && self.take_names(&cells, filled, is_below_blank);
        // What stands above a header is searched as any row, and the next row may be the header.
        let is_comment = line.starts_with(b"#") && !self.is_header;
        // Merged cells of a spreadsheet: each name is that of several columns.
        let is_of_groups = !self.in_table && filled < cells.len();
        let may_be_title = filled < 2
            || is_of_names
                && self.rows_above < MAX_ROWS_ABOVE
                && (is_of_groups || !self.says_something(&self.columns));
        let is_above = is_whole && (is_comment || self.format.header.is_none() && may_be_title);
        self.rows_above = self
            .rows_above
            .saturating_add(u8::from(is_above && is_of_names));
        self.in_table |= !is_above;
        self.read_row(without_mark, out, tally);
        let is_between_rows =
            self.state == State::Start && self.index == 0 && !self.value.is_in_key();
        if is_above && is_between_rows {
            self.state = State::HeldRow;
        }
    }

    /// Reads a row that has been held.
    fn read_row(&mut self, mut row: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        while !row.is_empty() {
            // A quote inside a cell may have joined several rows, and they are not held again.
            self.state = State::Start;
            self.is_read_ahead = true;
            let taken = self.read(row, out, tally);
            row = rest(row, taken);
        }
    }

    /// Reads a row that has been held for what its cells call each other.
    fn read_named_row(&mut self, row: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let columns = Rc::clone(&self.columns);
        let cells = cells(row.trim_ascii_end(), self.delimiter);
        for (column, cell) in columns.iter().zip(cells) {
            if column.info.role.names() {
                self.naming.begin(&mut column.info.clone(), &self.plan);
                self.naming.push(&cell);
                self.naming.end();
            }
        }
        self.read_row(row, out, tally);
    }

    /// So many bytes have been read that are no part of a cell.
    fn pass(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(0);
        self.offset = self.offset.saturating_add(bytes);
    }

    /// Takes the cells of a row for the names of the columns, if they are that. Returns whether they
    /// can be.
    fn take_names(&mut self, cells: &[Vec<u8>], filled: usize, is_below_blank: bool) -> bool {
        let is_first = !self.in_table && self.columns.len() < 2;
        let may_be_header = match self.format.header {
            Some(true) if is_first => true,
            _ => {
                filled > usize::from(!is_first && !is_below_blank)
                    && cells.iter().all(|cell| self.may_be_name(cell))
            }
        };
        if !may_be_header {
            return false;
        }
        let plan = Rc::clone(&self.plan);
        let named = cells.iter().map(|name| {
            let (mut info, decision) = plan.decide_column(name);
            // Several names in one cell were not taken apart, and what one of them denies another is.
            info.negative &= !has_separator(name, cells.len() == 1);
            Column {
                name: name.clone(),
                info,
                decision,
            }
        });
        let columns: Rc<[Column]> = named
            .chain(std::iter::once(Column::nameless(&plan)))
            .collect();
        // A row of words may be data, unless a rule or a detector knows one of them.
        let is_other_table = is_below_blank && plan.minimizes_bodies();
        if is_first || is_other_table || self.says_something(&columns) {
            let roles = || columns.iter().map(|column| column.info.role);
            let first_value = roles().position(|role| role == Role::Value);
            let last_name = roles().rposition(Role::names);
            self.reads_ahead =
                first_value.is_some_and(|value| last_name.is_some_and(|name| value < name));
            self.columns = columns;
            self.is_header = true;
        }
        true
    }

    /// Whether a rule or a kind of data is about a column with any of these names, or may be.
    fn says_something(&self, columns: &[Column]) -> bool {
        let nameless = Column::nameless(&self.plan).decision;
        let has_role = |is: fn(Role) -> bool| columns.iter().any(|column| is(column.info.role));
        columns
            .iter()
            .any(|column| column.info.kinds.is_some() || column.decision != nameless)
            || has_role(Role::names) && has_role(|role| role == Role::Value)
    }

    /// Whether a cell can be the name of a column: words, and nothing that is looked for.
    fn may_be_name(&self, cell: &[u8]) -> bool {
        let has_letter = cell
            .iter()
            .any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
        let begins_well = !cell.first().is_some_and(u8::is_ascii_digit);
        let is_name = has_letter && begins_well && cell.len() <= MAX_NAME_BYTES;
        let is_value = || {
            let mut spans = Vec::new();
            let nothing = crate::lexicon::Announcement::default();
            self.plan.search(cell, 0, &nothing, false, &mut spans);
            !spans.is_empty()
        };
        cell.is_empty() || is_name && !cell.contains(&b'@') && !is_value()
    }

    /// Reads rows, up to one that must be held. Returns how many bytes were read.
    fn read(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) -> usize {
        let start = self.offset;
        let mut position = 0;
        while position < chunk.len() {
            self.offset = start.saturating_add(u64::try_from(position).unwrap_or(0));
            let byte = at(chunk, position);
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                out.push(byte);
                position = position.plus(1);
                continue;
            }
            let ahead = rest(chunk, position);
            let taken = match self.state {
                // Below a blank line there may be another table.
                State::Start
                    if self.index == 0
                        && matches!(byte, b'\n' | b'\r')
                        && !self.value.is_in_key() =>
                {
                    out.push(byte);
                    self.after_cr = byte == b'\r';
                    self.end_table();
                    position = position.plus(1);
                    break;
                }
                State::Start
                    if self.reads_ahead
                        && self.index == 0
                        && !self.is_read_ahead
                        && !self.value.is_in_key() =>
                {
                    self.is_read_ahead = true;
                    self.state = State::HeldRow;
                    break;
                }
                State::Start => {
                    self.begin_cell(byte, out, tally);
                    usize::from(byte == b'"')
                }
                State::Bare | State::Dropped { quoted: false } => {
                    let end = memchr::memchr3(self.delimiter, b'\n', b'\r', ahead);
                    let piece = part(ahead, 0, end.unwrap_or(ahead.len()));
                    self.is_row_blank &= is_blank(piece);
                    if self.state == State::Bare {
                        self.push(piece, out, tally);
                    }
                    if let Some(end) = end {
                        self.end_cell(out, tally);
                        self.end_row(at(ahead, end), out);
                        end.plus(1)
                    } else {
                        piece.len()
                    }
                }
                State::Quoted => {
                    let end = memchr::memchr(b'"', ahead);
                    let piece = part(ahead, 0, end.unwrap_or(ahead.len()));
                    self.is_row_blank &= is_blank(piece);
                    self.push(piece, out, tally);
                    if end.is_some() {
                        self.state = State::Quote;
                    }
                    piece.len().plus(usize::from(end.is_some()))
                }
                State::Quote if byte == b'"' => {
                    let plan = Rc::clone(&self.plan);
                    let mut sink = Sink {
                        plan: &plan,
                        out,
                        tally,
                    };
                    self.naming.push(b"\"");
                    self.value.push_spelled(b"\"", b"\"\"", &mut sink);
                    self.state = State::Quoted;
                    1
                }
                State::Quote => {
                    self.end_quotes(out, tally);
                    0
                }
                State::Dropped { quoted: true } => {
                    let end = memchr::memchr(b'"', ahead);
                    if end.is_some() {
                        self.state = State::DroppedQuote;
                    }
                    self.is_row_blank &= is_blank(part(ahead, 0, end.unwrap_or(ahead.len())));
                    end.map_or(ahead.len(), |end| end.plus(1))
                }
                State::DroppedQuote => {
                    let quoted = byte == b'"';
                    self.state = State::Dropped { quoted };
                    usize::from(quoted)
                }
                // It ends before the rows are read.
                State::HeldRow => break,
            };
            position = position.plus(taken);
        }
        self.offset = start.saturating_add(u64::try_from(position).unwrap_or(0));
        position
    }

    fn begin_cell(&mut self, byte: u8, out: &mut Vec<u8>, tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        let quoted = byte == b'"';
        // Only a line without cells may be one of a key that began in the line before.
        if quoted || self.index > 0 {
            self.value.leave_key(out);
        }
        let columns = Rc::clone(&self.columns);
        let Some(column) = columns.get(self.index).or_else(|| columns.last()) else {
            return;
        };
        let spelling = if quoted {
            Spelling::QuotedCell
        } else {
            Spelling::Cell
        };
        let start = if self.is_header {
            // A name goes with its column, and is nothing that a rule acts on.
            let mut uncounted = Tally::default();
            let name = (&*column.name, self.offset);
            match begin_field(&plan, column.decision, name, spelling, &mut uncounted) {
                FieldStart::Gone => FieldStart::Gone,
                _ => FieldStart::Search(None),
            }
        } else {
            let name = (&*column.name, self.offset);
            begin_field(&plan, column.decision, name, spelling, tally)
        };
        let mut info = KeyInfo::default();
        if !self.is_header {
            info.clone_from(&column.info);
            self.naming.begin(&mut info, &plan);
        }
        match start {
            FieldStart::Gone => self.state = State::Dropped { quoted },
            FieldStart::Fixed(new) => {
                self.write_delimiter(out);
                let quote: &[u8] = if quoted { b"\"" } else { b"" };
                out.extend([quote, &new, quote].concat());
                self.state = State::Dropped { quoted };
            }
            FieldStart::Search(applied) => {
                self.value.begin(&info, applied, (spelling, self.offset));
                self.write_delimiter(out);
                if quoted {
                    out.push(b'"');
                }
                self.state = if quoted { State::Quoted } else { State::Bare };
            }
        }
    }

    fn write_delimiter(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.written, true) {
            out.push(self.delimiter);
        }
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        self.naming.push(bytes);
        let plan = Rc::clone(&self.plan);
        let mut sink = Sink {
            plan: &plan,
            out,
            tally,
        };
        self.value.push(bytes, &mut sink);
    }

    /// The closing quote has been read. What stands behind it, against the grammar, is text.
    fn end_quotes(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.end_value(out, tally);
        out.push(b'"');
        let place = (Spelling::Cell, self.offset);
        self.value.begin(&KeyInfo::default(), None, place);
        self.state = State::Bare;
    }

    fn end_value(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        self.value.end(&mut Sink {
            plan: &plan,
            out,
            tally,
        });
    }

    fn end_cell(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        match self.state {
            State::Bare | State::Quoted => self.end_value(out, tally),
            State::Quote => self.end_quotes(out, tally),
            // The row ends with a delimiter: behind it is an empty cell.
            State::Start => {
                self.begin_cell(0, out, tally);
            }
            State::Dropped { .. } | State::DroppedQuote | State::HeldRow => {}
        }
        self.naming.end();
        self.state = State::Start;
        self.index = self.index.plus(1);
    }

    /// A delimiter, or the end of a row.
    fn end_row(&mut self, byte: u8, out: &mut Vec<u8>) {
        if byte == self.delimiter {
            return;
        }
        // Lines of a key that is being taken away go with it.
        if self.value.is_in_key() {
            self.value.end_line(&[byte], out);
        } else {
            out.push(byte);
            self.after_cr = byte == b'\r';
        }
        self.index = 0;
        self.written = false;
        self.is_header = false;
        self.is_read_ahead = false;
        self.naming.clear();
        // Spreadsheets write the delimiters of a blank row as well.
        if std::mem::replace(&mut self.is_row_blank, true) && !self.value.is_in_key() {
            self.end_table();
        }
    }

    /// Below a blank row there may be another table, whose columns are not those that may pass.
    fn end_table(&mut self) {
        self.state = State::HeldRow;
        self.is_read_ahead = false;
        self.is_below_blank = true;
        if self.columns.len() > 1 && self.plan.minimizes_bodies() {
            let mut columns = self.columns.to_vec();
            for column in &mut columns {
                column.decision = MemberDecision::NotAllowed;
            }
            self.columns = columns.into();
        }
    }
}

const MAX_HELD_ROW_BYTES: usize = 256 * 1024;
const MAX_COLUMNS: usize = 32 * 1024;
const MAX_NAME_BYTES: usize = 128;
/// More rows of words than these are a table of words.
const MAX_ROWS_ABOVE: u8 = 16;

#[cfg(test)]
mod tests;
