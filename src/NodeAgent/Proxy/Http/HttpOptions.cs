using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Authorizers;
using Culvert.NodeAgent.Proxy.Http.HealthChecks;
using Culvert.NodeAgent.Proxy.Http.Mirroring;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Limits of what is read as HTTP.</summary>
internal sealed record HttpOptions
{
    /// <summary>What heads may have. A head lies in one buffer, so that it is never longer than that: 16 KiB, as in Node.js.</summary>
    internal Http1Limits Limits { get; init; } = new() { MaxHead = BufferPool.BufferSize };

    /// <summary>Settings of HTTP/2. What a stream may have under way is little enough for hundreds of slow readers; one that needs more gets more, if there is room for it.</summary>
    internal Http2Options Http2 { get; init; } = new() { StreamWindow = 256 << 10, MaxStreamWindow = 16 << 20, ConnectionWindow = 1 << 30, MaxHeaderListSize = 32 << 10 };

    /// <summary>Most bytes of heads and trailers of one connection of HTTP/2 that wait, for a stream to the server or behind a body. A request whose head is beyond is refused; one whose trailers are is reset with ENHANCE_YOUR_CALM.</summary>
    internal int MaxWaitingHeads { get; init; } = 1 << 20;

    /// <summary>How long the head of a request of HTTP/1.1 may take from its first byte to its last, and how long a client may take to ask whose server can't be reached.</summary>
    internal TimeSpan HeadTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most interim responses to one request; more are answered with 502 in the server's place.</summary>
    internal int MaxInterim { get; init; } = 32;

    /// <summary>How long a connection to a server that was made for a request that is routed waits for the next: about as long as servers keep connections, which say when they don't.</summary>
    internal TimeSpan ServerIdleTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Most connections of one loop that wait so; 0: none does.</summary>
    internal int MostIdleServers { get; init; } = 1024;

    /// <summary>Limits of questions to external authorizers.</summary>
    internal AuthorizerLimits Authorizers { get; init; } = new();

    /// <summary>Limits of copies that mirrors get.</summary>
    internal MirrorLimits Mirrors { get; init; } = new();

    /// <summary>Limits of asking backends whether they are well.</summary>
    internal HealthCheckLimits HealthChecks { get; init; } = new();

    /// <summary>HTTP/1.1: how long a client may take to receive the last that is written to it, when the connection is about to end.</summary>
    internal TimeSpan AnswerTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>HTTP/1.1: how long a client that has been answered for the last time may go on sending before it is cut off: cut off at once, it could lose the answer (RFC 9112, section 9.6).</summary>
    internal TimeSpan LingerTime { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Whether a head of HTTP/1.1 is one that the proxy of the other node would refuse: written anew it is a little longer, and it is refused by this one, which knows whose it is.</summary>
    /// <param name="fields">Its fields, with pseudo headers and without those of the connection.</param>
    /// <param name="length">Its bytes, as written.</param>
    internal bool IsTooLong(HeaderList fields, int length) => length > Limits.MaxHead || fields.Count + FieldsOfConnection > Limits.MaxFields;

    // Those that a head has at most beyond the fields that were read, without pseudo headers.
    private const int FieldsOfConnection = 2;
}
