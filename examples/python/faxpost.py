"""A client of Faxpost in a page: it asks the daemon itself what methods and messages there are (gRPC server reflection),
so it needs no generated code and no .proto file, and fits every version of package faxpost.v1, which only grows.

    faxpost = Faxpost()
    print(faxpost.call("Diagnostics/GetStatus").version)

The daemon knows who calls from the socket: there is nothing to sign in with. The socket's folder belongs to root, so that
nobody else can put a socket of his own there.
"""

import os

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

ENDPOINT = "/run/faxpost/faxpost.sock"
# A page of 500 messages with 100 recipients each has more than gRPC's own 4 MiB.
LARGEST_ANSWER = 64 << 20


class Refused(Exception):
    """The daemon said no. `reason` is for programs and stays (docs/api.md); the sentence is for people."""

    def __init__(self, code, sentence, reason, fields):
        super().__init__(sentence)
        self.code, self.reason, self.fields = code, reason, fields


class Faxpost:
    def __init__(self, endpoint=None):
        endpoint = endpoint or os.environ.get("FAXPOST_ENDPOINT") or ENDPOINT
        options = [
            ("grpc.max_receive_message_length", LARGEST_ANSWER),
            # Else it would be the socket's path, which is no authority of HTTP/2: servers end such streams (RST_STREAM).
            ("grpc.default_authority", "localhost"),
        ]
        self.channel = grpc.insecure_channel(f"unix:{endpoint}", options=options)
        self.pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(self.channel))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def message(self, name, **fields):
        """A message of the API: `message("SendMailRequest", to=["a@example.com"])`."""
        descriptor = self._look(self.pool.FindMessageTypeByName, name)
        return message_factory.GetMessageClass(descriptor)(**fields)

    def _look(self, find, name):
        """The daemon is asked when something is looked for that is not known yet."""
        try:
            return find(f"faxpost.v1.{name}")
        except grpc.RpcError as error:
            raise refused(error) from error

    def call(self, method, request=None, timeout=60, **fields):
        """Calls "Mail/SendMail" with this request, or with one of these fields, and returns the answer. For a method that
        takes a stream, `request` is an iterable of messages; one that answers with a stream returns an iterator."""
        service, name = method.split("/")
        method = self._look(self.pool.FindServiceByName, service).FindMethodByName(name)
        answer = message_factory.GetMessageClass(method.output_type)
        if request is None:
            request = message_factory.GetMessageClass(method.input_type)(**fields)
        kinds = {
            (False, False): self.channel.unary_unary,
            (False, True): self.channel.unary_stream,
            (True, False): self.channel.stream_unary,
        }
        call = kinds[method.client_streaming, method.server_streaming](
            f"/faxpost.v1.{service}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        if method.server_streaming:
            return _each(call(request))
        try:
            return call(request, timeout=timeout)
        except grpc.RpcError as error:
            raise refused(error) from error


def _each(stream):
    try:
        yield from stream
    except grpc.RpcError as error:
        raise refused(error) from error


def refused(error):
    """What the details of a gRPC error say, as an exception."""
    reason, fields = "", {}
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == "faxpost":
            reason = info.reason
        elif detail.Is(bad.DESCRIPTOR) and detail.Unpack(bad):
            fields = {violation.field: violation.description for violation in bad.field_violations}
    return Refused(error.code(), error.details(), reason, fields)
