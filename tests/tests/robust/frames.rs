//! HTTP/2 by hand: as much as it takes to break its rules.

/// What every HTTP/2 client says first.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame, well-formed or not.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The preface and empty settings.
pub(crate) fn greeting() -> Vec<u8> {
    [PREFACE.to_vec(), frame(4, 0, 0, b"")].concat()
}

/// The header fields of a gRPC request, every one a literal.
pub(crate) fn fields(path: &str) -> Vec<u8> {
    // POST and http are in HPACK's static table, and so are the names of the others but te.
    let mut block = vec![0x83, 0x86, 0x04, path.len() as u8];
    block.extend(path.as_bytes());
    for (name, value) in [(&[0x01][..], "localhost"), (&[0x0f, 0x10][..], "application/grpc")] {
        block.extend(name);
        block.push(value.len() as u8);
        block.extend(value.as_bytes());
    }
    block.extend(b"\x00\x02te\x08trailers");
    block
}

/// The HEADERS frame of a gRPC request.
pub(crate) fn head(path: &str, stream: u32) -> Vec<u8> {
    frame(1, 4, stream, &fields(path))
}

/// A gRPC message.
pub(crate) fn grpc(message: &[u8]) -> Vec<u8> {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

/// A whole gRPC request.
pub(crate) fn call(path: &str, stream: u32, message: &[u8]) -> Vec<u8> {
    [head(path, stream), frame(0, 1, stream, &grpc(message))].concat()
}
