namespace Grpc.Core;

/// <summary>
/// A call that did not end with <see cref="StatusCode.OK"/>. Thrown to the caller on the client; thrown by a handler on the server it
/// becomes the status (and the trailers) of the call.
/// </summary>
public sealed class RpcException : Exception
{
    /// <summary>Makes the exception for a status, without trailers.</summary>
    /// <param name="status">The status of the call.</param>
    public RpcException(Status status) : this(status, Metadata.Empty, status.ToString())
    {
    }

    /// <summary>Makes the exception for a status with its own message.</summary>
    /// <param name="status">The status of the call.</param>
    /// <param name="message">The message of the exception, local only.</param>
    public RpcException(Status status, string message) : this(status, Metadata.Empty, message)
    {
    }

    /// <summary>Makes the exception for a status with trailers.</summary>
    /// <param name="status">The status of the call.</param>
    /// <param name="trailers">Trailers of the call, for example <c>grpc-status-details-bin</c>.</param>
    public RpcException(Status status, Metadata trailers) : this(status, trailers, status.ToString())
    {
    }

    /// <summary>Makes the exception for a status with trailers and its own message.</summary>
    /// <param name="status">The status of the call.</param>
    /// <param name="trailers">Trailers of the call.</param>
    /// <param name="message">The message of the exception, local only.</param>
    public RpcException(Status status, Metadata trailers, string message) : base(message, status.DebugException)
    {
        ArgumentNullException.ThrowIfNull(trailers);
        Status = status;
        Trailers = trailers;
    }

    /// <summary>The status of the call.</summary>
    public Status Status { get; }

    /// <summary>The code of <see cref="Status"/>.</summary>
    public StatusCode StatusCode => Status.StatusCode;

    /// <summary>Trailers that came with the status; empty when there were none.</summary>
    public Metadata Trailers { get; }
}
