// A sketch: Faxpost from C#, over the named pipe. Not compiled or run by Faxpost's own tests (they have no .NET): take it as
// a description of what matters. For a project: dotnet new console; dotnet add package Grpc.Net.Client Google.Protobuf
// Grpc.Tools; and <Protobuf Include="proto/faxpost/v1/*.proto" GrpcServices="Client" /> in the .csproj.

using System.IO.Pipes;
using System.Security.AccessControl;
using System.Security.Principal;
using Faxpost.V1;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;

// \\.\pipe\ProtectedPrefix\Administrators\Faxpost: only administrators can make a pipe below that prefix.
const string Pipe = @"ProtectedPrefix\Administrators\Faxpost";

var handler = new SocketsHttpHandler
{
    ConnectCallback = async (_, cancellation) =>
    {
        // The rights must be exactly 0x12019B. PipeDirection.InOut would ask for GENERIC_WRITE, which holds
        // FILE_CREATE_PIPE_INSTANCE (0x4), and the daemon grants that to nobody: whoever has it could stand in its place.
        const PipeAccessRights Rights = (PipeAccessRights)0x12019B;
        var pipe = new NamedPipeClientStream(
            ".",
            Pipe,
            Rights,
            // Asynchronous is 0x40000000.
            PipeOptions.Asynchronous,
            // The daemon learns who calls, and cannot act in the caller's name. None leaves Windows' own default, which
            // is Impersonation.
            TokenImpersonationLevel.Identification,
            HandleInheritability.None);
        await pipe.ConnectAsync(5000, cancellation);

        // Before a byte is sent: is it the daemon? The pipe must belong to SYSTEM, Administrators or a service.
        var owner = (SecurityIdentifier)pipe.GetAccessControl().GetOwner(typeof(SecurityIdentifier))!;
        var trusted = owner.IsWellKnown(WellKnownSidType.LocalSystemSid)
            || owner.IsWellKnown(WellKnownSidType.BuiltinAdministratorsSid)
            || owner.Value.StartsWith("S-1-5-80-", StringComparison.Ordinal);
        if (!trusted)
        {
            pipe.Dispose();
            throw new InvalidOperationException($"whoever listens there ({owner}) is not Faxpost");
        }
        return pipe;
    },
};

using var channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler });
var mail = new Mail.MailClient(channel);
var request = new SendMailRequest
{
    To = { "you@example.com" },
    Subject = "Fax",
    Text = "Two pages.",
    // Should the connection break before the answer: the same id sends once, however often it is tried.
    RequestId = Guid.NewGuid().ToString(),
};
try
{
    var sent = await mail.SendMailAsync(request, deadline: DateTime.UtcNow.AddMinutes(1));
    Console.WriteLine($"accepted: {sent.Id} {sent.MessageId}");
}
catch (RpcException refused)
{
    // Decide by the reason (docs/api.md); the sentence is for people. GetRpcStatus is of the package Grpc.StatusProto.
    var reason = refused.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason;
    Console.Error.WriteLine($"{reason}: {refused.Status.Detail}");
    return 1;
}
return 0;
