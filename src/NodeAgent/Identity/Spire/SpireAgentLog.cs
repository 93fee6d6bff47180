using Culvert.Core;
using Culvert.Logging;
using Culvert.Protocol;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Identity.Spire;

/// <summary>Log messages of the certificates that a SPIRE agent gives.</summary>
internal static partial class SpireAgentLog
{
    [LoggerMessage(EventId = LogEventIds.SpireAgentConnected, Level = LogLevel.Information, Message = "the SPIRE agent at {Endpoint} gives the workloads' certificates")]
    internal static partial void Connected(ILogger logger, SpiffeEndpoint endpoint);

    [LoggerMessage(EventId = LogEventIds.SpireAgentFailed, Level = LogLevel.Warning, Message = "no certificates are to be had, which is tried again; those that there are serve until they end: {Reason}")]
    internal static partial void Failed(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.SpireSvidTaken, Level = LogLevel.Information, Message = "certificate {Version} for {Id} from the SPIRE agent, serial number {Serial}, is valid until {NotAfter:O}")]
    internal static partial void Taken(ILogger logger, SpiffeId id, int version, CertificateSerial serial, DateTimeOffset notAfter);

    [LoggerMessage(EventId = LogEventIds.SpireSvidRefused, Level = LogLevel.Warning, Message = "the certificate for {Id} from the SPIRE agent is not used, the one before stays until it ends: {Reason}")]
    internal static partial void Refused(ILogger logger, SpiffeId id, string reason);

    [LoggerMessage(EventId = LogEventIds.SpireSvidMissing, Level = LogLevel.Warning, Message = "there is no certificate for {Id}: {Reason}")]
    internal static partial void Missing(ILogger logger, SpiffeId id, string reason);

    [LoggerMessage(EventId = LogEventIds.SpireBundlesTaken, Level = LogLevel.Information, Message = "the trust bundle of {TrustDomain} from the SPIRE agent has {Roots} roots now")]
    internal static partial void BundleTaken(ILogger logger, string trustDomain, int roots);

    [LoggerMessage(EventId = LogEventIds.SpireNodeFailed, Level = LogLevel.Warning, Message = "no other certificate of {Node} is to be had from SPIRE, which is tried again; one that there is serves until it ends: {Reason}")]
    internal static partial void NodeFailed(ILogger logger, string node, string reason);

    [LoggerMessage(EventId = LogEventIds.SpireRootsDiffer, Level = LogLevel.Information, Message = "the controller's roots are others than the SPIRE agent's, and say who the controller is, and nothing else: nodes whose certificates the controller gives, and this one, do not believe each other")]
    internal static partial void RootsDiffer(ILogger logger);
}
