using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>Answers CONNECT requests. Belongs to its loop's thread.</summary>
/// <param name="headers">The loop's list for headers that are being written.</param>
internal sealed class InboundAnswers(HeaderList headers)
{
    /// <summary>Answers: 200 lets the stream go on, everything else ends it.</summary>
    internal void Send(TunnelConnection tunnel, Http2Stream stream, int status)
    {
        headers.Clear();
        headers.AddStatus(status);
        if (status == 200) tunnel.Http2.SendHeaders(stream, headers, endStream: false);
        else tunnel.Http2.Refuse(stream, headers);
        tunnel.ScheduleFlush();
    }
}
