namespace Grpc.Core;

/// <summary>Result of a call, as gRPC numbers it on the wire (<c>grpc-status</c>).</summary>
public enum StatusCode
{
    /// <summary>The call succeeded.</summary>
    OK = 0,

    /// <summary>The caller cancelled the call.</summary>
    Cancelled = 1,

    /// <summary>The cause is not known, or the server does not tell it.</summary>
    Unknown = 2,

    /// <summary>The request is wrong whatever the state of the server.</summary>
    InvalidArgument = 3,

    /// <summary>The deadline passed before the call ended.</summary>
    DeadlineExceeded = 4,

    /// <summary>What was asked for does not exist.</summary>
    NotFound = 5,

    /// <summary>What was to be created exists already.</summary>
    AlreadyExists = 6,

    /// <summary>The caller is known and is not allowed to do this.</summary>
    PermissionDenied = 7,

    /// <summary>A quota, a buffer or a message size limit is used up.</summary>
    ResourceExhausted = 8,

    /// <summary>The system is not in the state the call needs.</summary>
    FailedPrecondition = 9,

    /// <summary>The call was given up, usually because of a conflict; retry from the start.</summary>
    Aborted = 10,

    /// <summary>A value lies past the valid range.</summary>
    OutOfRange = 11,

    /// <summary>The method is not known here, or its encoding is not supported.</summary>
    Unimplemented = 12,

    /// <summary>An invariant is broken: wire protocol errors among them.</summary>
    Internal = 13,

    /// <summary>The service can't be reached now; retry later.</summary>
    Unavailable = 14,

    /// <summary>Data are lost or corrupt beyond recovery.</summary>
    DataLoss = 15,

    /// <summary>The caller gave no valid credentials.</summary>
    Unauthenticated = 16,
}
