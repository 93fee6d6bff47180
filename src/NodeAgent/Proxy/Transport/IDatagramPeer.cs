using Culvert.NodeAgent.Proxy.Limits;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>
/// Where a session's datagrams go: a socket, or a stream of a tunnel. What comes back goes to the <see cref="IDatagramSink"/>
/// it was made with. Belongs to its loop's thread.
/// </summary>
internal interface IDatagramPeer : IDisposable
{
    /// <summary>Takes a datagram; it leaves at the latest with <see cref="Flush"/> or at the end of the loop's turn.</summary>
    /// <param name="payload">0 to 65,527 bytes; not used after the call.</param>
    /// <returns>False when it was dropped at once, because the path is full or too narrow for it; the implementer has counted that.</returns>
    bool Send(ReadOnlySpan<byte> payload);

    /// <summary>Sends what has been batched; the caller has no more datagrams for now.</summary>
    void Flush();

    /// <summary>Disposes it when policy has ended its session: where the application's answers could begin a session of its own, those under way are swallowed.</summary>
    /// <param name="place">One place of the session, which is given back when no answer is expected any more.</param>
    void EndByPolicy(BudgetLease place)
    {
        place.Dispose();
        Dispose();
    }
}
