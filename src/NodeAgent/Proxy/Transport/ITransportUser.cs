namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>Who uses a transport: hears what it has to say while nobody waits for it. Called on the transport's loop; must not throw.</summary>
internal interface ITransportUser
{
    /// <summary>
    /// Bytes have come, nothing lies in front of them, and they need not be copied if they can go on at once. Called by transports that hand over
    /// (<see cref="ITransport.HandsOver"/>).
    /// </summary>
    /// <param name="transport">The transport.</param>
    /// <param name="data">The bytes; valid during the call.</param>
    /// <returns>How many were taken. The others are held by the transport, which then calls <see cref="OnReceivable"/>.</returns>
    int OnReceived(ITransport transport, ReadOnlySpan<byte> data);

    /// <summary>Bytes are held by the transport, or its other side has ended its direction. Called by transports that hand over.</summary>
    void OnReceivable(ITransport transport);

    /// <summary>The transport is broken. What came before may still be received, unless it is closed.</summary>
    void OnBroken(ITransport transport);
}
