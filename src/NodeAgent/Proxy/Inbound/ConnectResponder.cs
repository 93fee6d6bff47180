using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>Answers CONNECT requests. Belongs to its loop's thread.</summary>
internal sealed class ConnectResponder
{
    private readonly HeaderList _headers = new();

    /// <summary>Answers, with the status of <see cref="ConnectStatus"/>: None lets the stream go on, everything else ends it.</summary>
    internal void Send(TunnelConnection tunnel, Http2Stream stream, ProxyFailure failure)
    {
        _headers.Clear();
        _headers.AddStatus(ConnectStatus.Of(failure));
        if (failure == ProxyFailure.None) tunnel.Http2.SendHeaders(stream, _headers, endStream: false);
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
        _headers.AddStatus(ConnectStatus.Accepted);
        _headers.Add("capsule-protocol"u8, "?1"u8);
        if (sourcePorts) DatagramHeaders.AddSourcePort(_headers);
        tunnel.Http2.SendHeaders(stream, _headers, endStream: false);
        tunnel.ScheduleFlush();
    }
}
