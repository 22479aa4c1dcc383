//! What the end of a connection says, on sockets of the loopback interface.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::connection::check_read_to_end;

/// A connection: our end, and the receiver's.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (receiver, _) = listener.accept().unwrap();
    (ours, receiver)
}

fn check(ours: TcpStream) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let _entered = runtime.enter();
    ours.set_nonblocking(true).unwrap();
    check_read_to_end(&tokio::net::TcpStream::from_std(ours).unwrap())
}

#[test]
fn a_receiver_that_closes_after_our_end_has_read_it_all() {
    let (mut ours, mut receiver) = connection();
    ours.write_all(b"message").unwrap();
    ours.shutdown(Shutdown::Write).unwrap();
    receiver.read_to_end(&mut Vec::new()).unwrap();
    drop(receiver);
    assert_eq!(ours.read(&mut [0; 8]).unwrap(), 0);
    check(ours).unwrap();
}

#[test]
fn an_end_that_does_not_acknowledge_ours_proves_nothing() {
    let (mut ours, receiver) = connection();
    ours.write_all(b"message").unwrap();
    receiver.shutdown(Shutdown::Write).unwrap();
    assert_eq!(ours.read(&mut [0; 8]).unwrap(), 0);
    check(ours).unwrap_err();
}

#[test]
fn a_reset_after_the_receivers_end_is_noticed() {
    let (mut ours, receiver) = connection();
    receiver.shutdown(Shutdown::Write).unwrap();
    assert_eq!(ours.read(&mut [0; 8]).unwrap(), 0);
    ours.write_all(b"message").unwrap();
    // Closed with the message unread, so its system answers with a reset.
    drop(receiver);
    check(ours).unwrap_err();
}
