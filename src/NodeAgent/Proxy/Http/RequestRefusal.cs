using Culvert.Core;
using Culvert.Http1;
using Culvert.NodeAgent.Reasons;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>What a request is answered with that may not pass.</summary>
/// <param name="Status">The status.</param>
/// <param name="Error">What kind of error, of <see cref="ProxyError"/>.</param>
/// <param name="Details">In words: the reason, as in metrics and flows, and the policy.</param>
internal sealed record RequestRefusal(int Status, string Error, string Details)
{
    /// <summary>Of a path that servers could take for different ones.</summary>
    internal static RequestRefusal BadPath { get; } = new(400, ProxyError.Request, "the path leads above the root, or has a code that is none, or dots that only some servers take for a way up");

    /// <summary>Of a request that is none.</summary>
    internal static RequestRefusal Of(MessageRefusal refusal) => new(refusal.Status, ProxyError.Request, refusal.Reason);

    /// <summary>By policy.</summary>
    internal static RequestRefusal Of(in Decision decision) =>
        new(403, ProxyError.Denied, decision.Policy is { } policy ? $"{ReasonText.Of(decision.Reason)}: AuthorizationPolicy {policy} rule {decision.RuleIndex}" : ReasonText.Of(decision.Reason));
}
