using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Reasons;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What a <see cref="ProxyFailure"/> means for verdicts, retries and answers. Each stands in one list of <c>ProxyFailuresTests</c>.</summary>
internal static class ProxyFailures
{
    // By failure: looked up once, since datagrams ask.
    private static readonly bool[] Unreachable =
        [.. Enum.GetValues<ProxyFailure>().Select(f => ReasonTable.Find(ReasonText.Kebab(f.ToString()))?.Answer == ReasonAnswer.Unreachable)];

    /// <summary>What it means that a budget gave no place.</summary>
    internal static ProxyFailure FromBudget(BudgetResult answer) => answer switch
    {
        BudgetResult.Taken => ProxyFailure.None,
        BudgetResult.OverShare => ProxyFailure.OverShare,
        _ => ProxyFailure.Overload,
    };

    /// <summary>
    /// Whether a connection that failed was refused, or one that was open was ended, because this mesh would not carry it: for want of permission, of a share, or of somewhere to go. The others
    /// were carried, or would have been, and something went wrong.
    /// </summary>
    internal static bool IsRefusal(ProxyFailure failure) => failure is ProxyFailure.UnknownSource or ProxyFailure.NoRoute or ProxyFailure.NoServicePort or ProxyFailure.NoBackend or ProxyFailure.TunnelPort
        or ProxyFailure.PolicyDenied or ProxyFailure.PolicyChanged or ProxyFailure.PeerRefused or ProxyFailure.Overload or ProxyFailure.OverShare or ProxyFailure.Draining or ProxyFailure.ProxyProtocol;

    /// <summary>Whether the same may succeed a moment later, without a change of the mesh: when a pod, an agent or a link is back.</summary>
    internal static bool IsTransient(ProxyFailure failure) => failure is ProxyFailure.NoCertificate or ProxyFailure.ConnectRefused or ProxyFailure.ConnectTimeout or ProxyFailure.ConnectFailed
        or ProxyFailure.TlsHandshake or ProxyFailure.TlsTimeout or ProxyFailure.StreamReset or ProxyFailure.TunnelReset;

    /// <summary>Whether a datagram that is refused for it is answered with ICMP port unreachable, as <see cref="ReasonTable"/> says.</summary>
    internal static bool IsAnsweredUnreachable(ProxyFailure failure) => Unreachable[(int)failure];

    /// <summary>What a failed connect means.</summary>
    internal static ProxyFailure FromConnect(SocketErrno error) => error switch
    {
        SocketErrno.ConnectionRefused or SocketErrno.ConnectionReset => ProxyFailure.ConnectRefused,
        SocketErrno.TimedOut => ProxyFailure.ConnectTimeout,
        SocketErrno.ProcessDescriptorLimit or SocketErrno.SystemDescriptorLimit or SocketErrno.NoBuffers or SocketErrno.NoMemory => ProxyFailure.Overload,
        _ => ProxyFailure.ConnectFailed,
    };
}
