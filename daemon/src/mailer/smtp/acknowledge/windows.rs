//! Acknowledgements at once, by Winsock.
#![allow(unsafe_code)] // Controls of a socket exist as raw calls only.

use std::os::windows::io::AsRawSocket as _;

use ::windows::Win32::Networking::WinSock::{SIO_TCP_SET_ACK_FREQUENCY, SOCKET, WSAIoctl};
use tokio::net::TcpStream;

/// Has every segment acknowledged as it comes; whether this system can (Windows 10 and Server 2016 can, Wine cannot).
pub(in crate::mailer::smtp) fn can_be_prompt(stream: &TcpStream) -> bool {
    let frequency = 1_u32;
    let mut returned = 0;
    let socket = SOCKET(stream.as_raw_socket() as usize);
    // SAFETY: the socket is open as long as `stream`, the input is four bytes that live until the call returns, there is no output,
    // and without an OVERLAPPED structure nothing goes on after it.
    let result = unsafe {
        WSAIoctl(
            socket,
            SIO_TCP_SET_ACK_FREQUENCY,
            Some((&raw const frequency).cast()),
            size_of_val(&frequency) as u32,
            None,
            0,
            &raw mut returned,
            None,
            None,
        )
    };
    result == 0
}

/// It was said once for all.
pub(in crate::mailer::smtp) fn now(_: &TcpStream) {}
