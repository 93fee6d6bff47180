using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>
/// One end of a connection, with bytes in both directions, each of which ends by itself, and with a reset. An application's socket is one, a TLS connection, and a stream
/// of HTTP/2. A caller tries first, and waits only after <see cref="TransportStatus.Blocked"/>. Belongs to its loop's thread.
/// </summary>
/// <remarks>
/// So that no byte is copied on its way through the proxy: a transport that can be read is read into room that the next one has reserved (<see cref="Reserve"/>), which
/// for a stream of HTTP/2 is a frame in the output of its connection; one whose bytes come to it hands them over where they lie (<see cref="ITransportUser.OnReceived"/>).
/// </remarks>
internal interface ITransport : IDisposable
{
    /// <summary>The loop.</summary>
    EventLoop Loop { get; }

    /// <summary>Who hears of what comes while nobody waits; null before there is somebody.</summary>
    ITransportUser? User { get; set; }

    /// <summary>Whether it is over: closed by this side, or broken without anything left to receive.</summary>
    bool IsClosed { get; }

    /// <summary>What it means for a connection when this transport breaks, or why it was reset.</summary>
    ProxyFailure Failure { get; }

    /// <summary>More words on what broke it, for the log; null when nothing did.</summary>
    string? Detail { get; }

    /// <summary>Whether bytes come to it and are handed over to the user; else they wait until somebody receives them.</summary>
    bool HandsOver { get; }

    /// <summary>Whether receiving may be tried.</summary>
    bool CanReceive { get; }

    /// <summary>Whether bytes wait inside, decoded or not. False says that the next <see cref="Receive"/> asks the system.</summary>
    bool HasPending { get; }

    /// <summary>Bytes that have come and lie in memory, the oldest that lie together; empty when none do. Valid until any other call.</summary>
    ReadOnlySpan<byte> Held { get; }

    /// <summary>Takes bytes of <see cref="Held"/>; the other side may send as many more.</summary>
    /// <param name="count">At most the length of <see cref="Held"/>.</param>
    void Take(int count);

    /// <summary>Receives what is there: Done with a count, Blocked, Ended, or Failed.</summary>
    /// <param name="room">Where to put it; not empty.</param>
    TransportResult Receive(Span<byte> room);

    /// <summary>Waits until receiving may be tried; false when the transport has been closed.</summary>
    ValueTask<bool> ReadableAsync();

    /// <summary>Whoever waits for <see cref="ReadableAsync"/> waits no longer, and gets false: somebody else is going to receive.</summary>
    void StopWaiting();

    /// <summary>
    /// Room to receive into what is to be sent. Empty when there is none: wait for <see cref="WritableAsync"/>. Room must be given back by <see cref="Commit"/> before
    /// anything else is done, and without waiting.
    /// </summary>
    /// <param name="most">How much is of use, in bytes.</param>
    Span<byte> Reserve(int most);

    /// <summary>Sends the first bytes of the room: as <see cref="Send"/>.</summary>
    /// <param name="count">How many; 0 only gives the room back.</param>
    TransportResult Commit(int count);

    /// <summary>Sends bytes: Done when all were taken, Blocked when not or when some wait inside (see <see cref="Flush"/>), or Failed.</summary>
    TransportResult Send(ReadOnlySpan<byte> data);

    /// <summary>Has what was taken go out: Done when nothing waits inside, Blocked, or Failed.</summary>
    TransportResult Flush();

    /// <summary>Waits until sending may be tried; false when the transport has been closed.</summary>
    ValueTask<bool> WritableAsync();

    /// <summary>Ends this side's direction: the other side receives the end once it has received what was sent.</summary>
    void Finish();

    /// <summary>Closes in good order; what was sent is still delivered.</summary>
    void Close();

    /// <summary>Ends both directions at once: the other side sees a reset.</summary>
    /// <param name="reason">Why.</param>
    void Reset(ProxyFailure reason);
}
