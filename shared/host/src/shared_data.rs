//! Creating shared values, which every host does in its own way.

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
