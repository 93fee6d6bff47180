using Culvert.Controller.Compilation;
using Culvert.Controller.Schema;
using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Snapshots;

/// <summary>Log messages of snapshots.</summary>
internal static partial class SnapshotLog
{
    [LoggerMessage(LogEventIds.Published, LogLevel.Debug, "Version {Version} holds {Workloads} workloads, {Services} services and {Policies} policies; {Work}.")]
    public static partial void Published(ILogger logger, ulong version, int workloads, int services, int policies, CompilationWork work);

    [LoggerMessage(LogEventIds.OtherTrustDomain, LogLevel.Error, "The authority signs for the trust domain {Signed}, and the mesh's is {Mesh}: agents are told nothing new until spec.trustDomain of the MeshConfig is {Signed}, or the authority another.")]
    public static partial void OtherTrustDomain(ILogger logger, string signed, string mesh);

    [LoggerMessage(LogEventIds.NamespaceClosed, LogLevel.Error, "{Error}")]
    public static partial void Closed(ILogger logger, SourceError error);

    [LoggerMessage(LogEventIds.NamespaceNotClosed, LogLevel.Information, "Is no longer so, as was said of {Object}: {Reason}")]
    public static partial void NotClosed(ILogger logger, string @object, string reason);

    [LoggerMessage(LogEventIds.ControllerSnapshotConnected, LogLevel.Information, "Node {Node} (agent {AgentVersion}) is connected.")]
    public static partial void Connected(ILogger logger, string node, string agentVersion);

    [LoggerMessage(LogEventIds.ControllerSnapshotDisconnected, LogLevel.Information, "Node {Node} is disconnected.")]
    public static partial void Disconnected(ILogger logger, string node);

    [LoggerMessage(LogEventIds.SnapshotRefused, LogLevel.Warning, "Node {Node} refused version {Version}: {Reason}")]
    public static partial void Refused(ILogger logger, string node, ulong version, string reason);
}
