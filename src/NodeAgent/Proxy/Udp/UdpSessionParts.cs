using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>What the sessions of one loop share, whatever their paths are.</summary>
/// <param name="Loop">The loop.</param>
/// <param name="Times">How long they are kept.</param>
/// <param name="Dialer">Makes sockets towards clients.</param>
/// <param name="Io">What the loop's sockets share.</param>
/// <param name="Unreachable">Tells clients that nobody listens.</param>
/// <param name="Draws">Which backends the kernel has drawn.</param>
/// <param name="Observer">Hears of refusals and dropped datagrams.</param>
internal sealed record UdpSessionParts(EventLoop Loop, DatagramSessionTimes Times, UdpDialer Dialer, UdpIo Io, PortUnreachableReporter Unreachable, IDatagramDraws Draws, IProxyObserver Observer);
