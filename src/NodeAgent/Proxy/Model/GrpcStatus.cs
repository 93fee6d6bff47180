namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What a caller of gRPC was told with <c>grpc-status</c>, by the server or by the proxy in its place. The numbers are gRPC's ("Status codes and their use in gRPC").</summary>
internal enum GrpcStatus
{
    /// <summary>The request was no call of gRPC.</summary>
    NoCall = -2,

    /// <summary>The call has ended without a status, or with one that is none of those here.</summary>
    None = -1,

    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}
