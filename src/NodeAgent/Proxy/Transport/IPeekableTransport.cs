namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>
/// A transport whose bytes can be looked at before anybody takes them, as is needed where the first of them are not for the other end (a load balancer's PROXY header).
/// TLS is none: what it has decrypted has been taken. Belongs to its loop's thread.
/// </summary>
internal interface IPeekableTransport : ITransport
{
    /// <summary>As <see cref="ITransport.Receive"/>, but the bytes stay where they are.</summary>
    /// <param name="room">Where to copy them; not empty.</param>
    TransportResult Peek(Span<byte> room);

    /// <summary>Says that what is there does not suffice: only more of it, or the end, is news.</summary>
    void AwaitMore();
}
