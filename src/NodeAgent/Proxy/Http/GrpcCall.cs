using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>What is known of a request as a call of gRPC; nothing of one that is none. Belongs to its loop's thread.</summary>
internal struct GrpcCall
{
    private GrpcStatus _status;
    private bool _hasDeadline;

    /// <summary>Whether the request is one.</summary>
    internal bool IsCall { get; private set; }

    /// <summary>What the caller has been told; for one that has ended.</summary>
    internal readonly GrpcStatus Status => IsCall ? _status : GrpcStatus.NoCall;

    /// <summary>What it says of its backend, when it has ended.</summary>
    /// <remarks>
    /// Those statuses that Envoy takes for 500, 503 and 504. Not UNIMPLEMENTED (501), which callers can ask for; nor DEADLINE_EXCEEDED where the caller has set the deadline: it need only set one that is short enough
    /// to have each backend left out, for others too. A call that ends without a status was not answered by a server of gRPC: who calls one of something else must not have it left out either.
    /// </remarks>
    internal readonly TryOutcome Outcome => Status switch
    {
        GrpcStatus.Unknown or GrpcStatus.Internal or GrpcStatus.Unavailable or GrpcStatus.DataLoss => TryOutcome.Bad,
        GrpcStatus.DeadlineExceeded when !_hasDeadline => TryOutcome.Bad,
        _ => TryOutcome.Good,
    };

    /// <summary>A request has come.</summary>
    /// <param name="request">Its head.</param>
    internal void Begin(HeaderList request)
    {
        IsCall = GrpcAnswer.IsCall(request);
        _status = GrpcStatus.None;
        _hasDeadline = IsCall && request.TryGet("grpc-timeout"u8, out _);
    }

    /// <summary>Whether only the end of a response says what has become of it: to HTTP it is a success.</summary>
    /// <param name="status">The response's status.</param>
    internal readonly bool IsDecidedAtEnd(int status) => IsCall && status == 200;

    /// <summary>The head of its response has come, or the trailers: of the status what is said last counts.</summary>
    /// <param name="fields">The fields; null: there are none.</param>
    internal void Take(HeaderList? fields)
    {
        if (IsCall && fields is not null && fields.TryGet("grpc-status"u8, out ReadOnlySpan<byte> status)) _status = GrpcStatuses.Parse(status);
    }

    /// <summary>The proxy answers in the server's place, by gRPC.</summary>
    internal void Answer(RequestRefusal refusal) => _status = GrpcAnswer.StatusOf(refusal);

    /// <summary>It has ended without an answer, or with one that is none of gRPC.</summary>
    internal void Forget() => _status = GrpcStatus.None;
}
