//! Every method of the API with requests of random bytes: always an answer, never a failure of the daemon.

use bytes::Bytes;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::dice::Dice;
use faxpost_tests::raw::Raw;
use prost_reflect::DescriptorPool;
use tonic::{Code, Request};

use crate::kit::{LONGEST, unharmed};

/// Of each method.
const REQUESTS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn h5_random_requests_are_answered_and_never_internal() {
    let daemon = TestDaemon::start().await;
    let channel = daemon.connect().await.unwrap();
    let pool = DescriptorPool::decode(faxpost_proto::FILE_DESCRIPTOR_SET).unwrap();
    let mut dice = Dice(0x5EED_0005);
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let path: http::uri::PathAndQuery = path.parse().unwrap();
        // Almost any request makes a key, and that takes seconds.
        let requests = if method.name() == "CreateSigningRequest" { REQUESTS.min(4) } else { REQUESTS };
        for n in 0..requests {
            let request = if n % 2 == 0 { protobuf(&mut dice, 3) } else { garbage(&mut dice) };
            let mut client = tonic::client::Grpc::new(channel.clone());
            client.ready().await.unwrap();
            let once = Request::new(tokio_stream::iter([Bytes::from(request.clone())]));
            let call = async {
                let answer = client.streaming(once, path.clone(), Raw).await?;
                // A watch goes on for ever; that it began is its answer.
                match method.is_server_streaming() {
                    true => Ok(()),
                    false => answer.into_inner().message().await.map(|_| ()),
                }
            };
            let answer = tokio::time::timeout(LONGEST, call).await;
            let code =
                answer.unwrap_or_else(|_| panic!("{path} {request:02x?}: no answer")).map_err(|e| e.code());
            assert!(
                !matches!(code, Err(Code::Internal | Code::Unknown | Code::Unavailable | Code::Cancelled)),
                "{path} {request:02x?}: {code:?}\n{}",
                daemon.stderr()
            );
        }
    }
    unharmed(&daemon).await;
}

fn garbage(dice: &mut Dice) -> Vec<u8> {
    let length = dice.below(100);
    dice.bytes(length)
}

/// Fields with small numbers, of every wire type; some of them messages themselves.
fn protobuf(dice: &mut Dice, depth: usize) -> Vec<u8> {
    let mut message = Vec::new();
    for _ in 0..dice.below(6) {
        let (field, wire) = (1 + dice.below(20) as u8, [0, 1, 2, 2, 2, 5][dice.below(6)]);
        prost::encoding::encode_varint(u64::from(field << 3 | wire), &mut message);
        match wire {
            0 => {
                let bits = dice.below(64);
                let value = u64::MAX >> bits;
                prost::encoding::encode_varint(value, &mut message);
            }
            1 => message.extend(dice.bytes(8)),
            5 => message.extend(dice.bytes(4)),
            _ => {
                let value = match dice.below(4) {
                    0 if depth > 0 => protobuf(dice, depth - 1),
                    1 => b"default".to_vec(),
                    2 => b"\xd0\xaf@example.test".to_vec(),
                    _ => garbage(dice),
                };
                prost::encoding::encode_varint(value.len() as u64, &mut message);
                message.extend(value);
            }
        }
    }
    message
}
