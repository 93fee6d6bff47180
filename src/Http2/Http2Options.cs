namespace Culvert.Http2;

/// <summary>Settings and limits of a connection. Immutable; may be shared between connections and threads.</summary>
public sealed record Http2Options
{
    /// <summary>The defaults.</summary>
    public static readonly Http2Options Default = new();

    /// <summary>Receive window of each stream in bytes, 1 to 2^31-1. Default 4 MiB.</summary>
    public int StreamWindow { get; init; } = 4 << 20;

    /// <summary>
    /// How far the receive window of a stream may grow that is held back by it, in bytes, up to 2^30; <see cref="StreamWindow"/> or less (default 0): it does not grow.
    /// </summary>
    public int MaxStreamWindow { get; init; }

    /// <summary>Receive window of the connection in bytes, 65,535 to 2^31-1. Default 16 MiB.</summary>
    public int ConnectionWindow { get; init; } = 16 << 20;

    /// <summary>Largest frame payload accepted, in bytes, 16,384 to 16,777,215. Default 64 KiB.</summary>
    public int MaxFrameSize { get; init; } = 64 << 10;

    /// <summary>Streams the peer may have open at once (server role), 1 or more. Further ones are refused. Default 1,000.</summary>
    public int MaxConcurrentStreams { get; init; } = 1000;

    /// <summary>Largest decoded header list accepted, in bytes as RFC 9113 counts them (32 added per field). A larger request is answered with 431. Default 64 KiB.</summary>
    public int MaxHeaderListSize { get; init; } = 64 << 10;

    /// <summary>Dynamic table offered to the peer's encoder, in bytes, 0 to 65,536. Default 4,096.</summary>
    public int HeaderTableSize { get; init; } = 4096;

    /// <summary>Largest dynamic table this side's encoder uses, in bytes, 0 to 65,536; the peer may lower it. Default 4,096.</summary>
    public int EncoderTableSize { get; init; } = 4096;

    /// <summary>Allow extended CONNECT (RFC 8441): offered by a server, used by a client when the server offers it. Default off.</summary>
    public bool EnableConnectProtocol { get; init; }

    /// <summary>Largest DATA payload sent, in bytes. The default, 16,375, makes frame and header fill one TLS record.</summary>
    public int MaxDataFrame { get; init; } = 16384 - 9;

    /// <summary>With this many bytes of output pending, DATA waits until the transport has taken some. Default 256 KiB.</summary>
    public int OutputHighWaterMark { get; init; } = 256 << 10;

    /// <summary>With this many bytes of output pending, a frame that asks for an answer ends the connection: the peer does not read. Default 1 MiB.</summary>
    public int MaxOutputBytes { get; init; } = 1 << 20;

    /// <summary>Time for the preface, the peer's SETTINGS, and its acknowledgement of ours. Default 10 s.</summary>
    public TimeSpan SettingsTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Silence after which a keep-alive PING is sent; <see cref="Timeout.InfiniteTimeSpan"/> (default) for never.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Time to answer a keep-alive PING (any received byte counts). Default 20 s.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How long the peer may keep every send window closed while data waits. Default never, because a tunnelled TCP
    /// connection may pause for as long as it likes; set it for request traffic.
    /// </summary>
    public TimeSpan WindowStallTimeout { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Time between the two GOAWAY frames of a graceful shutdown when the peer does not answer the PING between them. Default 1 s.</summary>
    public TimeSpan ShutdownGrace { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Streams that may be reset before they got their response headers, by the peer or by its faults, or be refused (<see cref="Http2Connection.Refuse"/>), per
    /// <see cref="ResetWindow"/>. Default 500.
    /// </summary>
    public int MaxPrematureResets { get; init; } = 500;

    /// <summary>Streams that may be reset at all by the peer or by its faults per <see cref="ResetWindow"/>. Default 50,000.</summary>
    public int MaxResets { get; init; } = 50_000;

    /// <summary>Period over which resets are counted. Default 10 s.</summary>
    public TimeSpan ResetWindow { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>CONTINUATION frames allowed in one header block. Default 32.</summary>
    public int MaxContinuationFrames { get; init; } = 32;

    /// <summary>
    /// PING, SETTINGS, PRIORITY, WINDOW_UPDATE, unknown and empty DATA frames the peer may send ahead of what useful frames
    /// (DATA and header sections in either direction) pay for; up to four times as many can be paid for ahead. Default 1,000.
    /// </summary>
    public int ControlFrameBurst { get; init; } = 1000;

    /// <summary>Such frames per second that are forgiven without useful ones. Default 200.</summary>
    public int ControlFramesPerSecond { get; init; } = 200;

    /// <summary>Number of streams reset by this side whose late frames are still recognised and ignored. Default 2,048.</summary>
    public int ResetStreamMemory { get; init; } = 2048;

    internal void Validate()
    {
        InRange(StreamWindow, 1, int.MaxValue, nameof(StreamWindow));
        InRange(MaxStreamWindow, 0, 1 << 30, nameof(MaxStreamWindow));
        InRange(ConnectionWindow, 65_535, int.MaxValue, nameof(ConnectionWindow));
        InRange(MaxFrameSize, 16_384, 16_777_215, nameof(MaxFrameSize));
        InRange(MaxConcurrentStreams, 1, int.MaxValue, nameof(MaxConcurrentStreams));
        InRange(MaxHeaderListSize, 256, 16 << 20, nameof(MaxHeaderListSize));
        InRange(HeaderTableSize, 0, 65_536, nameof(HeaderTableSize));
        InRange(EncoderTableSize, 0, 65_536, nameof(EncoderTableSize));
        InRange(MaxDataFrame, 1, 16_777_215, nameof(MaxDataFrame));
        InRange(OutputHighWaterMark, 1, int.MaxValue, nameof(OutputHighWaterMark));
        InRange(MaxOutputBytes, 1, int.MaxValue, nameof(MaxOutputBytes));
        InRange(MaxPrematureResets, 0, int.MaxValue, nameof(MaxPrematureResets));
        InRange(MaxResets, 0, int.MaxValue, nameof(MaxResets));
        InRange(MaxContinuationFrames, 0, int.MaxValue, nameof(MaxContinuationFrames));
        InRange(ControlFrameBurst, 1, int.MaxValue, nameof(ControlFrameBurst));
        InRange(ControlFramesPerSecond, 0, int.MaxValue, nameof(ControlFramesPerSecond));
        InRange(ResetStreamMemory, 1, 1 << 20, nameof(ResetStreamMemory));
    }

    private static void InRange(int value, int low, int high, string name)
    {
        if (value < low || value > high)
        {
            throw new ArgumentOutOfRangeException(name, value, $"Http2Options.{name} must be from {low} to {high}.");
        }
    }
}
