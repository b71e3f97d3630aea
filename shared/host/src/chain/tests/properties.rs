//! A chain and the same filters as separate plugins do the same, whatever the filters do.

use proptest::prelude::*;

use super::scripted::{Act, Edit, SCRIPTS, SEEN, Script, text};
use super::separate::Separate;
use super::whole::{Bed, Whole};
use crate::Direction;
use crate::fake::{Message, Request, Response};

/// How many random exchanges are compared.
const RUNS: u32 = 10_000;

/// What happens to a stream from outside.
#[derive(Clone, Debug)]
enum Move {
    /// The next part of the message that is on its way.
    GoOn,
    Respond(usize),
    Tick,
}

#[derive(Clone, Debug)]
struct Exchange {
    scripts: Vec<Script>,
    /// The pieces of the bodies, by direction.
    bodies: [Vec<String>; 2],
    has_trailers: [bool; 2],
    moves: Vec<Move>,
    /// The client leaves after so many moves.
    leaves_after: usize,
}

fn act(replies: bool) -> impl Strategy<Value = Act> {
    let reply = if replies { 2 } else { 1 };
    prop_oneof![
        14 => Just(Act::Continue),
        3 => Just(Act::Call),
        1 => Just(Act::CallThenReply),
        2 => Just(Act::UntilTick),
        reply => Just(Act::Reply),
        1 => Just(Act::ReplyAndContinue),
        1 => Just(Act::Reset),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => Just(Edit::Nothing),
        1 => Just(Edit::Prepend),
        1 => Just(Edit::First),
        1 => Just(Edit::Append),
        1 => Just(Edit::Clear),
    ]
}

fn script() -> impl Strategy<Value = Script> {
    (
        [act(true), act(false)],
        [act(true), act(false)],
        [act(true), act(false)],
        [edit(), edit()],
        any::<[bool; 3]>(),
    )
        .prop_map(|(headers, body, trailers, edit, flags)| Script {
            headers,
            body,
            trailers,
            edit,
            sets_header: flags[0],
            removes_header: flags[1],
            tells_others: flags[2],
        })
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let body = || prop::collection::vec("[xyz0-3]{1,4}", 0..4);
    let moves = prop_oneof![
        5 => Just(Move::GoOn),
        3 => (0..4_usize).prop_map(Move::Respond),
        1 => Just(Move::Tick),
    ];
    (
        prop::collection::vec(script(), 1..5),
        [body(), body()],
        any::<[bool; 2]>(),
        prop::collection::vec(moves, 0..24),
        prop_oneof![3 => Just(usize::MAX), 1 => 0..24_usize],
    )
        .prop_map(
            |(scripts, bodies, has_trailers, moves, leaves_after)| Exchange {
                scripts,
                bodies,
                has_trailers,
                moves,
                leaves_after,
            },
        )
}

/// Takes the exchange through; what each filter saw, and what came out.
fn run(bed: &mut dyn Bed, exchange: &Exchange) -> (Vec<Vec<String>>, Vec<String>) {
    SEEN.with_borrow_mut(Vec::clear);
    let mut log = Vec::new();
    let mut driver = Driver {
        exchange,
        sent: [0, 0],
        began: false,
    };
    bed.start(&driver.request());
    for (number, one) in exchange.moves.iter().enumerate() {
        if number == exchange.leaves_after {
            break;
        }
        match one {
            Move::GoOn => driver.go_on(bed),
            Move::Respond(place) if *place < exchange.scripts.len() => drop(bed.respond(*place)),
            Move::Respond(_) => {}
            // A response to the request of a tick begins after the tick: until nothing waits.
            Move::Tick => (0..8).for_each(|_| bed.tick()),
        }
    }
    if exchange.leaves_after == usize::MAX {
        // Whatever is still to come comes.
        for _ in 0..64 {
            driver.go_on(bed);
            for place in 0..exchange.scripts.len() {
                bed.respond(place);
            }
            bed.tick();
        }
    }
    let (upstream, client, is_reset, told) = bed.finish();
    // A client that has left does not see where the bytes were.
    let complete = exchange.leaves_after == usize::MAX;
    log.push(format!(
        "reset {is_reset} told {}",
        text(&told.unwrap_or_default())
    ));
    log.push(shown("upstream", &upstream, complete && !is_reset));
    if !is_reset {
        log.push(shown("client", &client, complete));
    }
    let seen = SEEN.with_borrow(Clone::clone);
    (seen, log)
}

/// Bytes that wait for others may not have left yet.
fn shown(name: &str, message: &Message, complete: bool) -> String {
    let mut headers: Vec<String> = message
        .headers
        .iter()
        .flatten()
        .map(|(name, value)| format!("{}={}", text(name), text(value)))
        .collect();
    headers.sort();
    let body = (complete && message.complete).then(|| text(&message.body));
    let trailers = complete.then_some(&message.trailers);
    let complete = complete.then_some(message.complete);
    format!("{name} {headers:?} {body:?} {complete:?} {trailers:?}")
}

struct Driver<'e> {
    exchange: &'e Exchange,
    /// How many parts of each message have been sent.
    sent: [usize; 2],
    began: bool,
}

impl Driver<'_> {
    fn request(&self) -> Request {
        let request = Request::get("/")
            .header("x-shared", "s")
            .header("x-each", "c");
        match self.parts(Direction::Request) {
            0 => request,
            _ => request.body("more"),
        }
    }

    fn parts(&self, direction: Direction) -> usize {
        let place = direction as usize;
        self.exchange.bodies[place].len() + usize::from(self.exchange.has_trailers[place])
    }

    /// Sends the next part of the request, or of the response if the request is complete.
    fn go_on(&mut self, bed: &mut dyn Bed) {
        let request_is_out = self.sent[0] >= self.parts(Direction::Request);
        if !request_is_out {
            if !bed.holds_headers(Direction::Request) {
                self.send(bed, Direction::Request);
            }
            return;
        }
        if !self.began {
            if bed.arrived() {
                self.began = true;
                let response = Response::new(200).header("x-each", "r");
                bed.respond_headers(&response);
                if self.parts(Direction::Response) == 0 {
                    // Such a response ends with an empty piece.
                    self.exchange_end(bed);
                }
            }
            return;
        }
        if self.sent[1] < self.parts(Direction::Response) && !bed.holds_headers(Direction::Response)
        {
            self.send(bed, Direction::Response);
        }
    }

    fn exchange_end(&self, bed: &mut dyn Bed) {
        if !bed.holds_headers(Direction::Response) {
            bed.respond_chunk(b"", true);
        }
    }

    fn send(&mut self, bed: &mut dyn Bed, direction: Direction) {
        let place = direction as usize;
        let number = self.sent[place];
        self.sent[place] += 1;
        let last = self.sent[place] == self.parts(direction);
        match (self.exchange.bodies[place].get(number), direction) {
            (Some(piece), Direction::Request) => bed.send_chunk(piece.as_bytes(), last),
            (Some(piece), Direction::Response) => bed.respond_chunk(piece.as_bytes(), last),
            (None, Direction::Request) => bed.send_trailers(trailers()),
            (None, Direction::Response) => bed.respond_trailers(trailers()),
        }
    }
}

fn trailers() -> Vec<(Vec<u8>, Vec<u8>)> {
    vec![(b"x-end".to_vec(), b"1".to_vec())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: RUNS, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_chain_does_what_separate_filters_do(exchange in exchange()) {
        SCRIPTS.with_borrow_mut(|scripts| scripts.clone_from(&exchange.scripts));
        let count = exchange.scripts.len();
        let separate = run(&mut Separate::new(count), &exchange);
        let mut whole = run(&mut Whole::new(count), &exchange);
        // What they tell each other stays inside.
        let told = |line: &String| line.split(" told").next().map(str::to_owned);
        let separate_out: Vec<_> = separate.1.iter().map(told).collect();
        whole.0.resize(separate.0.len(), Vec::new());
        prop_assert_eq!(&separate.0, &whole.0, "what the filters saw");
        prop_assert_eq!(separate_out, whole.1.iter().map(told).collect::<Vec<_>>());
    }
}
