using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>How tunnels behave, in either role.</summary>
/// <param name="Http2">Settings of HTTP/2.</param>
/// <param name="IdleTimeout">How long one without streams is kept.</param>
/// <param name="SuspectTime">One that has not answered a PING for so long takes no new streams until it does.</param>
/// <param name="DistrustDrain">How long streams may go on when the peer may not be believed any more.</param>
internal sealed record TunnelOptions(Http2Options Http2, TimeSpan IdleTimeout, TimeSpan SuspectTime, TimeSpan DistrustDrain);
