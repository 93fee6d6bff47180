using Culvert.Protocol;
using Grpc.Core;

namespace Culvert.NodeAgent.Identity.Spire;

/// <summary>What a call means that a SPIRE agent has not answered well, and what to do. Pure but for a look whether the socket is there.</summary>
internal static class SpireAgentFailure
{
    /// <summary>The failure and its remedy, one sentence without its end.</summary>
    /// <param name="endpoint">Where the agent is.</param>
    /// <param name="failure">What the call ended with.</param>
    internal static string Describe(SpiffeEndpoint endpoint, Exception failure)
    {
        string said = $"the SPIRE agent at {endpoint}: {CallFailure.Describe(failure)}";
        return (failure is RpcException call ? CallFailure.CodeOf(call) : null as StatusCode?) switch
        {
            StatusCode.PermissionDenied when failure is RpcException rpc && rpc.Status.Detail.Contains("authorized delegate", StringComparison.Ordinal) =>
                $"{said}; name this process's SPIFFE ID in authorized_delegates of the SPIRE agent's configuration, and start that agent again",
            StatusCode.PermissionDenied => $"{said}; this process has no identity of its own there: make an entry whose selectors fit it, and name its SPIFFE ID in authorized_delegates of the SPIRE agent's configuration",
            StatusCode.Unavailable => $"{said}; {Unreachable(endpoint, said)}",
            StatusCode.Unimplemented => $"{said}; this is another socket, such as that of the Workload API: --spire-agent takes the admin socket (admin_socket_path of the SPIRE agent's configuration)",
            StatusCode.InvalidArgument => $"{said}; check --spire-selector",
            _ => said,
        };
    }

    private static string Unreachable(SpiffeEndpoint endpoint, string said)
    {
        if (endpoint.SocketPath is { } path && !File.Exists(path)) return "there is no socket: is admin_socket_path set in the SPIRE agent's configuration, and does that agent run and reach its server?";
        return said.Contains("Permission denied", StringComparison.OrdinalIgnoreCase)
            ? "the socket has mode 0770: run as root, or in its group"
            : "does the SPIRE agent run, and is this its admin_socket_path?";
    }
}
