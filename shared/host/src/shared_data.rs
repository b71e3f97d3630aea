//! Creating and changing shared values, which every host does in its own way.

use policy::config::Problems;

use crate::{Host, SharedValue, Status};

/// The value under `key`, created as `initial` if nobody has written it before; of several workers
/// that try at once, all get the value of the one that won.
///
/// The obvious "write if absent, with cas 0" overwrites on Envoy, and a write with any other cas on
/// an absent key creates on Envoy and is refused on nginx. Writing with a cas that nobody holds
/// first, and with cas 0 only where the value is still absent after that, is right on all.
///
/// # Errors
/// The host has no shared data, or refuses to store.
pub fn insert_if_absent(host: &dyn Host, key: &str, initial: &[u8]) -> Result<SharedValue, Status> {
    insert(&|| host.shared_data(key), &|cas| {
        host.set_shared_data(key, initial, Some(cas))
    })
}

/// Stores a value, whatever stands under `key` now.
///
/// Without a cas Envoy overwrites, and nginx creates only: there what is present is read first, and replaced by its cas.
///
/// # Errors
/// The host has no shared data or refuses to store; [`Status::CasMismatch`] where other workers were
/// faster [`MAX_ATTEMPTS`] times in a row.
pub fn put(host: &dyn Host, key: &str, value: &[u8]) -> Result<(), Status> {
    let mut cas = None;
    for _ in 0..MAX_ATTEMPTS {
        match host.set_shared_data(key, value, cas) {
            Err(Status::CasMismatch) => {}
            result => return result,
        }
        cas = match host.shared_data(key) {
            Err(Status::NotFound) => None,
            found => Some(found?.cas),
        };
    }
    Err(Status::CasMismatch)
}

/// Replaces the value under `key` by what `change` makes of it, in one atomic step among all workers,
/// and says how often another worker was faster.
///
/// A value that is absent is created as `initial` first. `change` gives the new value, or `None` to
/// leave the old one, and is called again with what is stored then when another worker was faster.
/// `known` is a value that was read before: it is tried first and saves a call.
///
/// # Errors
/// The host has no shared data or refuses to store; [`Status::CasMismatch`] where other workers were
/// faster [`MAX_ATTEMPTS`] times in a row.
pub fn update(
    host: &dyn Host,
    key: &str,
    initial: &[u8],
    known: Option<SharedValue>,
    change: &mut dyn FnMut(Vec<u8>) -> Option<Vec<u8>>,
) -> Result<u32, Status> {
    let get = || match host.shared_data(key) {
        Err(Status::NotFound) => insert_if_absent(host, key, initial),
        found => found,
    };
    let set = |value: &[u8], cas: u32| host.set_shared_data(key, value, Some(cas));
    update_with(&get, &set, known, change)
}

/// Random bytes for keyed hashes. With `shares` they are the same in all workers: those of the first
/// that came count. Whether they are is the second value; it is `false` where the host shares nothing
/// after all.
///
/// # Errors
/// The host has no random source, shared data fails, or has something else under the key.
pub fn seed(host: &dyn Host, key: &str, shares: bool) -> Result<([u8; 16], bool), Problems> {
    let mut seed = [0; 16];
    host.random(&mut seed)
        .map_err(|status| Problems::whole(format!("the host has no random source: {status}")))?;
    if !shares {
        return Ok((seed, false));
    }
    match insert_if_absent(host, key, &seed) {
        Ok(value) => match <[u8; 16]>::try_from(value.bytes) {
            Ok(shared) => Ok((shared, true)),
            // With bytes of its own this worker would count apart from the others.
            Err(_) => Err(Problems::whole(format!(
                "shared data has something else under {key}; give the filter a vm_id of its own"
            ))),
        },
        Err(Status::Unimplemented) => Ok((seed, false)),
        Err(status) => Err(Problems::whole(format!(
            "shared data does not work: {status}"
        ))),
    }
}

/// Stores a value if what is stored has this compare-and-swap number.
pub type Setter<'s> = &'s dyn Fn(&[u8], u32) -> Result<(), Status>;

/// As [`update`], of a value that is kept somewhere else.
///
/// # Errors
/// Those of `get` and `set`, of which [`Status::CasMismatch`] means that somebody else was faster.
pub fn update_with(
    get: &dyn Fn() -> Result<SharedValue, Status>,
    set: Setter<'_>,
    mut known: Option<SharedValue>,
    change: &mut dyn FnMut(Vec<u8>) -> Option<Vec<u8>>,
) -> Result<u32, Status> {
    for lost in 0..MAX_ATTEMPTS {
        let value = match known.take() {
            Some(value) => value,
            None => get()?,
        };
        let Some(changed) = change(value.bytes) else {
            return Ok(lost);
        };
        match set(&changed, value.cas) {
            Err(Status::CasMismatch) => {}
            result => return result.map(|()| lost),
        }
    }
    Err(Status::CasMismatch)
}

fn insert(
    get: &dyn Fn() -> Result<SharedValue, Status>,
    set: &dyn Fn(u32) -> Result<(), Status>,
) -> Result<SharedValue, Status> {
    for cas in [CAS_THAT_NOBODY_HOLDS, 0] {
        match get() {
            Err(Status::NotFound) => {}
            found => return found,
        }
        match set(cas) {
            // Somebody else was faster, or this host creates with another cas: reading tells.
            Ok(()) | Err(Status::CasMismatch) => {}
            Err(other) => return Err(other),
        }
    }
    get()
}

const CAS_THAT_NOBODY_HOLDS: u32 = u32::MAX;
/// 115 lost attempts in a row were seen for one hot key with two workers.
pub const MAX_ATTEMPTS: u32 = 1_000;

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// What hosts do with a cas, by whether the key is there.
    #[derive(Clone, Copy, Debug)]
    enum Semantics {
        /// Creates whatever the cas, and overwrites with 0.
        Envoy,
        /// Creates with 0 only, and never overwrites with it.
        Nginx,
        /// Creates whatever the cas, and never overwrites with 0.
        Mosn,
    }

    fn write(
        semantics: Semantics,
        stored: &mut Option<SharedValue>,
        bytes: &[u8],
        cas: u32,
    ) -> Result<(), Status> {
        let admitted = match (semantics, stored.as_ref()) {
            (Semantics::Envoy | Semantics::Mosn, None) => true,
            (Semantics::Nginx, None) => cas == 0,
            (Semantics::Envoy, Some(value)) => cas == 0 || cas == value.cas,
            (Semantics::Nginx | Semantics::Mosn, Some(value)) => cas == value.cas,
        };
        if !admitted {
            return Err(Status::CasMismatch);
        }
        let cas = stored.as_ref().map_or(1, |value| value.cas.wrapping_add(1));
        *stored = Some(SharedValue {
            bytes: bytes.to_vec(),
            cas,
        });
        Ok(())
    }

    /// Another worker creates the value before any of our calls, or not at all: the value is there
    /// in the end, and what the other one wrote is never lost.
    #[test]
    fn right_on_every_host_whenever_another_worker_comes() {
        for semantics in [Semantics::Envoy, Semantics::Nginx, Semantics::Mosn] {
            for comes_before_call in 0..8 {
                let stored = RefCell::new(None);
                let calls = Cell::new(0);
                let step = || {
                    if calls.replace(calls.get() + 1) == comes_before_call
                        && stored.borrow().is_none()
                    {
                        let create = if matches!(semantics, Semantics::Nginx) {
                            0
                        } else {
                            7
                        };
                        write(semantics, &mut stored.borrow_mut(), b"theirs", create).unwrap();
                    }
                };
                let get = || {
                    step();
                    stored.borrow().clone().ok_or(Status::NotFound)
                };
                let set = |cas| {
                    step();
                    write(semantics, &mut stored.borrow_mut(), b"ours", cas)
                };
                let found = insert(&get, &set).unwrap();
                assert_eq!(
                    Some(&found),
                    stored.borrow().as_ref(),
                    "{semantics:?} {comes_before_call}"
                );
                let theirs = comes_before_call
                    < if matches!(semantics, Semantics::Nginx) {
                        4
                    } else {
                        2
                    };
                let expected: &[u8] = if theirs { b"theirs" } else { b"ours" };
                assert_eq!(found.bytes, expected, "{semantics:?} {comes_before_call}");
            }
        }
    }

    #[test]
    fn an_update_is_tried_again_until_nobody_was_faster() {
        let stored = RefCell::new(SharedValue {
            bytes: vec![1],
            cas: 1,
        });
        let (gets, others) = (Cell::new(0), Cell::new(0));
        let get = || {
            gets.set(gets.get() + 1);
            Ok(stored.borrow().clone())
        };
        let set = |bytes: &[u8], cas: u32| {
            if others.get() > 0 {
                // Another worker adds ten, just before.
                others.set(others.get() - 1);
                let mut stored = stored.borrow_mut();
                stored.bytes[0] += 10;
                stored.cas += 1;
            }
            let mut stored = Some(stored.borrow_mut());
            let stored = stored.as_mut().unwrap();
            if stored.cas != cas {
                return Err(Status::CasMismatch);
            }
            stored.bytes = bytes.to_vec();
            stored.cas += 1;
            Ok(())
        };
        let mut add_one = |bytes: Vec<u8>| Some(vec![bytes[0] + 1]);
        others.set(3);
        let known = Some(stored.borrow().clone());
        assert_eq!(update_with(&get, &set, known, &mut add_one), Ok(3));
        assert_eq!(
            (stored.borrow().bytes[0], gets.get()),
            (32, 3),
            "the first was known"
        );
        assert_eq!(
            update_with(&get, &set, None, &mut |_| None),
            Ok(0),
            "left alone"
        );
        others.set(u32::MAX);
        let mut same = |bytes: Vec<u8>| Some(bytes);
        let never = |_: &[u8], _: u32| Err(Status::CasMismatch);
        assert_eq!(
            update_with(&get, &never, None, &mut same),
            Err(Status::CasMismatch)
        );
        let full = |_: &[u8], _: u32| Err(Status::InternalFailure);
        assert_eq!(
            update_with(&get, &full, None, &mut same),
            Err(Status::InternalFailure)
        );
    }

    #[test]
    fn a_host_that_fails_is_an_error() {
        let absent = || Err(Status::NotFound);
        assert_eq!(
            insert(&|| Err(Status::Unimplemented), &|_| Ok(())),
            Err(Status::Unimplemented)
        );
        assert_eq!(
            insert(&absent, &|_| Err(Status::InternalFailure)),
            Err(Status::InternalFailure)
        );
        assert_eq!(
            insert(&absent, &|_| Ok(())),
            Err(Status::NotFound),
            "it keeps nothing"
        );
    }
}
