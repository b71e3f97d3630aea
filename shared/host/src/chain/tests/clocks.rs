//! What the parts of a chain see of time.

use std::cell::RefCell;
use std::time::Duration;

use policy::config::Problems;

use crate::chain::{Chain, Composition, Parts};
use crate::fake::{Process, Profile, Proxy, Request};
use crate::{Action, ContextId, Filter, Host, Startup, Stream};

thread_local! {
    static PROCESS: RefCell<Option<Process>> = const { RefCell::new(None) };
    /// The monotonic and the running clock before and after the work of each part.
    static READ: RefCell<Vec<[u64; 2]>> = const { RefCell::new(Vec::new()) };
}

const WORK: Duration = Duration::from_micros(70);

/// A filter that works for a while in one callback.
struct Slow;

struct SlowStream;

impl Filter for Slow {
    const NAME: &'static str = "slow";
    type Stream = SlowStream;

    fn configure(_: &Startup<'_>) -> Result<Self, Problems> {
        Ok(Self)
    }

    fn stream(&mut self, _: ContextId) -> SlowStream {
        SlowStream
    }
}

impl Stream<Slow> for SlowStream {
    fn on_request_headers(&mut self, _: &mut Slow, host: &dyn Host, _: bool) -> Action {
        let read = || [host.monotonic_ns(), host.running_ns()];
        READ.with_borrow_mut(|all| all.push(read()));
        PROCESS.with_borrow(|process| process.as_ref().unwrap().advance(WORK));
        READ.with_borrow_mut(|all| all.push(read()));
        Action::Continue
    }
}

struct Two;

impl Composition for Two {
    const NAME: &'static str = "two";

    fn compose(parts: &mut Parts<'_>, _: &str) -> Result<(), Problems> {
        parts.add::<Slow>("")?;
        parts.add::<Slow>("")
    }
}

/// One clock for all parts, so that they agree; one that goes on, so that work can be measured.
#[test]
fn a_callback_has_one_time_and_work_in_it_can_be_measured() {
    let mut proxy = Proxy::native::<Chain<Two>>(Profile::Envoy);
    proxy.configure("{}").unwrap();
    PROCESS.set(Some(proxy.host().process().clone()));
    proxy.start(&Request::get("/"));
    let read = READ.take();
    let work_ns = u64::try_from(WORK.as_nanos()).unwrap();
    let [start, _] = read[0];
    let running = [start, start + work_ns, start + work_ns, start + 2 * work_ns];
    let wanted: Vec<[u64; 2]> = running.map(|ns| [start, ns]).to_vec();
    assert_eq!(read, wanted);
}
