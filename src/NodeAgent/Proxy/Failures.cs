using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy;

/// <summary>Names for the system's errors.</summary>
internal static class Failures
{
    /// <summary>What a failed connect means.</summary>
    internal static ProxyFailure FromConnect(SocketErrno error) => error switch
    {
        SocketErrno.ConnectionRefused or SocketErrno.ConnectionReset => ProxyFailure.ConnectRefused,
        SocketErrno.TimedOut => ProxyFailure.ConnectTimeout,
        SocketErrno.ProcessDescriptorLimit or SocketErrno.SystemDescriptorLimit or SocketErrno.NoBuffers or SocketErrno.NoMemory => ProxyFailure.Overload,
        _ => ProxyFailure.ConnectFailed,
    };
}
