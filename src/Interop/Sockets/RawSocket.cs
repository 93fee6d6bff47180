namespace Culvert.Interop.Sockets;

/// <summary>A raw socket of the proxy that speaks for one Service after the other. Not thread-safe.</summary>
/// <param name="handle">The socket, which is entered as one that sends what arrives with the address it has.</param>
/// <param name="mark">Enters it.</param>
internal sealed class RawSocket(SocketHandle handle, SocketMark mark) : IDisposable
{
    private SocketEndPoint? _service;

    /// <summary>The socket.</summary>
    internal SocketHandle Handle => handle;

    /// <summary>
    /// Says for which Service the next packet is. A packet passes the programs before the next is written: what a socket is entered as holds for that one. One that has to wait for its neighbour's address
    /// may be sent after the next call, with the Service of that, and is lost.
    /// </summary>
    /// <param name="service">What the receiver hears from in the place of the packet's source; null: the source itself.</param>
    internal SocketErrno SpeakFor(in SocketEndPoint? service)
    {
        if (_service == service) return SocketErrno.None;
        SocketErrno error = service is { } known ? mark.ApplyForService(handle, known) : mark.Apply(handle);
        if (error == SocketErrno.None) _service = service;
        return error;
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();
}
