using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.HealthChecks;

/// <summary>What has come of asking a backend.</summary>
/// <param name="Result">What.</param>
/// <param name="Reason">Why it has failed, in words; empty: it has not.</param>
internal readonly record struct HealthAnswer(HealthCheckResult Result, string Reason = "")
{
    /// <summary>It is well.</summary>
    internal static HealthAnswer Passed => new(HealthCheckResult.Passed);

    /// <summary>It was not asked.</summary>
    internal static HealthAnswer NotAsked => new(HealthCheckResult.NotAsked);

    /// <summary>It is not well.</summary>
    internal static HealthAnswer Failed(string reason) => new(HealthCheckResult.Failed, reason);

    /// <summary>There was no connection.</summary>
    /// <remarks>What this node lacks, or policy forbids, says nothing of the backend.</remarks>
    internal static HealthAnswer Of(ProxyFailure failure) => BackendTry.OutcomeOf(failure) == TryOutcome.Bad ? Failed(NotReached) : NotAsked;

    /// <summary>The reasons that have nothing of the backend's answer in them.</summary>
    internal const string NotReached = "it was not reached", TooSlow = "it did not answer in time";
}
