namespace Grpc.Core;

/// <summary>Status of a finished call: a code, a text for people, and on the client the local cause if there is one.</summary>
/// <param name="StatusCode">The code sent as <c>grpc-status</c>.</param>
/// <param name="Detail">The text sent as <c>grpc-message</c>; may be empty.</param>
/// <param name="DebugException">The local exception that led to this status; never sent.</param>
public readonly record struct Status(StatusCode StatusCode, string Detail, Exception? DebugException = null)
{
    /// <summary>Success without a text.</summary>
    public static readonly Status DefaultSuccess = new(StatusCode.OK, string.Empty);

    /// <summary>Cancelled without a text.</summary>
    public static readonly Status DefaultCancelled = new(StatusCode.Cancelled, string.Empty);

    /// <inheritdoc/>
    public override string ToString() => DebugException is null
        ? $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\")"
        : $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\", DebugException=\"{DebugException.GetType().Name}: {DebugException.Message}\")";
}
