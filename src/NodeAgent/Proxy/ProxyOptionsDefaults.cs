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
    internal const uint Mark = 0x00C2_0000;

    /// <summary>HTTP/2 settings of tunnels.</summary>
    internal static readonly Http2Options Http2 = new()
    {
        // With its header four full TLS records: one recv(2) and one send(2) each, in the size TCP hands to the device (measured: 20 % less CPU per
        // byte than one record at a time).
        MaxDataFrame = (64 * 1024) - 9,
        KeepAliveInterval = TimeSpan.FromSeconds(10),
        KeepAliveTimeout = TimeSpan.FromSeconds(20),
    };
}
