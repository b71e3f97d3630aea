//! How a filter calls out, and holds requests until a response is there.
//!
//! [`Calls`] are the calls under way, each with what the filter keeps of it: why it was made, for
//! whom, what is to be undone. [`WaitingRequests`] are the requests that are paused, each with what
//! the filter needs to decide about it later. A filter with both goes through the same five ends:
//!
//! - the response is there: [`Calls::end`] in [`crate::Filter::on_http_call_response`] or
//!   [`crate::Filter::on_grpc_receive`]; then [`WaitingRequests::take`] makes each request that it
//!   concerns the effective one, to be resumed, refused or put back;
//! - what a request waits for happens elsewhere, such as in another VM: the same, from a tick;
//! - the host never ends the call: [`Calls::take_overdue`] from a tick;
//! - the request has waited too long: [`WaitingRequests::wake_late`] from a tick;
//! - the client leaves: [`WaitingRequests::leave`], [`Calls::cancel`] and [`Calls::take_lost`] in
//!   [`crate::Stream::on_done`].
//!
//! Where one event is about many requests, they are due ([`WaitingRequests::wake_all`]) and have their turns
//! ([`WaitingRequests::next_turn`]), few in each callback. [`ResponseWaiters`] knows which requests a response is
//! about, so that it need not wake all.
//!
//! On Envoy a call belongs to the root context and its response may decide about any request. On
//! other hosts it belongs to the request in whose callback it was started, ends with it, wakes
//! nobody else, and only a request with a call of its own can be held at all.

mod call_map;
mod calls;
mod requests;
mod response_waiters;

pub use call_map::CallId;
pub(crate) use call_map::CallMap;
pub use calls::{Call, Calls, Occasion, patience};
pub use requests::{Waiter, WaitingRequests};
pub use response_waiters::ResponseWaiters;
