using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;

namespace Culvert.NodeAgent.Proxy;

/// <summary>Names for the system's errors.</summary>
internal static class Failures
{
    /// <summary>What it means that a budget gave no place.</summary>
    internal static ProxyFailure FromBudget(BudgetAnswer answer) => answer switch
    {
        BudgetAnswer.Taken => ProxyFailure.None,
        BudgetAnswer.OverShare => ProxyFailure.OverShare,
        _ => ProxyFailure.Overload,
    };

    /// <summary>What a failed connect means.</summary>
    internal static ProxyFailure FromConnect(SocketErrno error) => error switch
    {
        SocketErrno.ConnectionRefused or SocketErrno.ConnectionReset => ProxyFailure.ConnectRefused,
        SocketErrno.TimedOut => ProxyFailure.ConnectTimeout,
        SocketErrno.ProcessDescriptorLimit or SocketErrno.SystemDescriptorLimit or SocketErrno.NoBuffers or SocketErrno.NoMemory => ProxyFailure.Overload,
        _ => ProxyFailure.ConnectFailed,
    };
}
