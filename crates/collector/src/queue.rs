//! A queue between two threads, for large things: blocks of bytes, buffers of rows.
//!
//! To wake a thread takes about as long as to work on one of them. So whoever waits is woken when it
//! has several to do: the sender when half of the room is free again, the receiver when half of it is
//! taken. Nothing is held back from a receiver when the sender ends, or itself waits for room.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A queue with room for so many.
pub(crate) fn queue<T>(room: usize) -> (Sender<T>, Receiver<T>) {
    let state =
        State { items: VecDeque::with_capacity(room), sender_gone: false, receiver_gone: false };
    let shared = Shared {
        state: Mutex::new(state),
        room: room.max(1),
        has_room: Condvar::new(),
        has_items: Condvar::new(),
    };
    let shared = Arc::new(shared);
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

/// The end that gives. When it is dropped, the queue ends.
#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Shared<T>>);

/// The end that takes. When it is dropped, nothing more is taken.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

/// Nobody takes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone;

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    room: usize,
    has_room: Condvar,
    has_items: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    sender_gone: bool,
    receiver_gone: bool,
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Sender<T> {
    /// Gives one; waits while there is no room.
    pub(crate) fn send(&self, item: T) -> Result<(), Gone> {
        let Shared { room, has_room, has_items, .. } = &*self.0;
        let full = |state: &mut State<T>| state.items.len() >= *room && !state.receiver_gone;
        let mut state =
            has_room.wait_while(self.0.state(), full).unwrap_or_else(PoisonError::into_inner);
        if state.receiver_gone {
            return Err(Gone);
        }
        state.items.push_back(item);
        // Half of the room, or the whole if that is one.
        if state.items.len() == room.div_ceil(2) {
            drop(state);
            has_items.notify_one();
        }
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.state().sender_gone = true;
        self.0.has_items.notify_one();
    }
}

impl<T> Receiver<T> {
    /// Takes one; waits until there is one. None: the queue has ended.
    pub(crate) fn recv(&self) -> Option<T> {
        let Shared { room, has_room, has_items, .. } = &*self.0;
        let none = |state: &mut State<T>| state.items.is_empty() && !state.sender_gone;
        let mut state =
            has_items.wait_while(self.0.state(), none).unwrap_or_else(PoisonError::into_inner);
        let item = state.items.pop_front();
        if state.items.len() == room / 2 {
            drop(state);
            has_room.notify_one();
        }
        item
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.state().receiver_gone = true;
        self.0.has_room.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn everything_arrives_once_and_in_order_whoever_is_slower() {
        for room in [1, 2, 3, 8] {
            for (sending, receiving) in [(0, 0), (1, 0), (0, 1)] {
                let (sender, receiver) = queue(room);
                let nap = |time: u64| std::thread::sleep(Duration::from_micros(time * 200));
                let sent = std::thread::spawn(move || {
                    for number in 0..200 {
                        nap(sending);
                        sender.send(number).unwrap();
                    }
                });
                let mut found = Vec::new();
                while let Some(number) = receiver.recv() {
                    nap(receiving);
                    found.push(number);
                }
                sent.join().unwrap();
                assert!(found.iter().copied().eq(0..200), "{room} {found:?}");
            }
        }
    }

    #[test]
    fn a_sender_that_waits_for_room_ends_with_the_receiver() {
        let (sender, receiver) = queue(2);
        let sent = std::thread::spawn(move || {
            (0..9).map(|number| sender.send(number)).find(Result::is_err)
        });
        assert_eq!(receiver.recv(), Some(0));
        drop(receiver);
        assert_eq!(sent.join().unwrap(), Some(Err(Gone)));
    }

    #[test]
    fn what_was_sent_before_the_end_is_received() {
        let (sender, receiver) = queue(8);
        sender.send("one").unwrap();
        drop(sender);
        assert_eq!([receiver.recv(), receiver.recv()], [Some("one"), None]);
    }
}
