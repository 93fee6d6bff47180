using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>One time that a request was sent to a server, or tried to: a span, where its trace is recorded.</summary>
/// <param name="Span">The span's id.</param>
/// <param name="Target">The server; null where all of the connection's requests go to one, or none was tried.</param>
/// <param name="Began">When it began; the request's own time is 0.</param>
/// <param name="Ended">When it ended; of the last one, with the request.</param>
/// <param name="Status">The status of what it was answered with, where that was not passed on; 0: there was no answer.</param>
internal readonly record struct RequestTry(ulong Span, SocketEndPoint? Target, TimeSpan Began, TimeSpan Ended, int Status)
{
    /// <summary>Whether it is over.</summary>
    internal bool IsOver { get; init; }

    /// <summary>Whether it was ended because another try was answered: it has not failed.</summary>
    internal bool IsLost { get; init; }
}
