using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>Answers CONNECT requests. Belongs to its loop's thread.</summary>
internal sealed class ConnectResponder
{
    private readonly HeaderList _headers = new();

    /// <summary>Answers: 200 lets the stream go on, everything else ends it.</summary>
    internal void Send(TunnelConnection tunnel, Http2Stream stream, int status)
    {
        _headers.Clear();
        _headers.AddStatus(status);
        if (status == 200) tunnel.Http2.SendHeaders(stream, _headers, endStream: false);
        else tunnel.Http2.Refuse(stream, _headers);
        tunnel.ScheduleFlush();
    }

    /// <summary>Accepts a stream of datagrams (RFC 9298, section 3.5).</summary>
    /// <param name="tunnel">The stream's tunnel.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="sourcePorts">Whether the peer takes answers from other ports than it sends to.</param>
    internal void AcceptDatagrams(TunnelConnection tunnel, Http2Stream stream, bool sourcePorts)
    {
        _headers.Clear();
        _headers.AddStatus(200);
        _headers.Add("capsule-protocol"u8, "?1"u8);
        if (sourcePorts) DatagramHeaders.AddSourcePort(_headers);
        tunnel.Http2.SendHeaders(stream, _headers, endStream: false);
        tunnel.ScheduleFlush();
    }
}
