using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy;

/// <summary>Defaults of <see cref="ProxyOptions"/>.</summary>
internal static class ProxyOptionsDefaults
{
    /// <summary>Port of captured TCP.</summary>
    internal const ushort OutboundPort = 15001;

    /// <summary>Port of tunnels.</summary>
    internal const ushort TunnelPort = 15008;

    /// <summary>Mark of the proxy's packets.</summary>
    internal const uint Mark = 0x20;

    /// <summary>
    /// How long a tunnel outlives its peer's silence: as a plain TCP connection does that has something to send (tcp_retries2 of Linux: 924 s).
    /// </summary>
    internal static readonly TimeSpan TunnelTimeout = TimeSpan.FromMinutes(15);

    /// <summary>Streams per tunnel before another one is opened.</summary>
    internal const int StreamsPerTunnel = 100;

    /// <summary>
    /// UDP sessions per tunnel before another one is opened. Many: they hold no buffers and do not slow each other down, and the more share a tunnel, the more
    /// datagrams share a record and a system call.
    /// </summary>
    internal const int DatagramStreamsPerTunnel = 1000;

    /// <summary>
    /// Tunnels of a pair that UDP sessions are spread over where packets are lost. With 32 sessions over a link that loses 5 % the median age of a datagram was 8 ms with 8
    /// and 14 ms with 2 tunnels (10 ms there and back, one tunnel for each of two loops). Not where none is lost: 8 take 25 % from what goes through (system calls).
    /// </summary>
    internal const int LossyTunnels = 8;

    // Little enough for hundreds of slow readers; a stream that needs more gets more, if there is room for it.
    private const int StreamWindow = 1 << 20;

    // 2.5 Gbit/s at 50 ms between nodes.
    private const int MaxStreamWindow = 16 << 20;

    /// <summary>HTTP/2 settings of tunnels.</summary>
    internal static readonly Http2Options Http2 = new()
    {
        StreamWindow = StreamWindow,
        MaxStreamWindow = MaxStreamWindow,

        // Never the limit: slow readers on some streams must not stall the others. What they may hold is bounded per stream and by the buffer pool.
        ConnectionWindow = 1 << 30,
        MaxConcurrentStreams = DatagramStreamsPerTunnel + (StreamsPerTunnel * 2),

        // A CONNECT has some 300 bytes; what is unfinished is held for each tunnel.
        MaxHeaderListSize = 8 << 10,

        // CONNECT-UDP is an extended CONNECT (RFC 9298, section 3.4).
        EnableConnectProtocol = true,

        // Frame and header fill four TLS records; one frame is one recv(2) of a bulk transfer.
        MaxDataFrame = (64 << 10) - 9,
        KeepAliveInterval = TimeSpan.FromSeconds(10),
        KeepAliveTimeout = TunnelTimeout,
    };
}
