using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Admin;

/// <summary>Says what policy asks about the requests of a connection, and whether anybody reads them.</summary>
internal static class RequestExplainer
{
    /// <summary>Adds steps where policy asks about requests.</summary>
    /// <param name="answer">Where to.</param>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="decision">What policy says of it as a connection.</param>
    internal static void AddSteps(Wire.ExplainResponse answer, NodeSnapshot snapshot, in ConnectionRequest connection, in Decision decision)
    {
        if (!connection.IsRead) AddUnread(answer, snapshot, connection);
        else if (decision.IsAllowed && RequestRules.Of(snapshot, connection, new RateLimiters(snapshot, previous: null)) is { } rules)
        {
            if (rules.AsksWhetherAllowed) answer.Steps.Add($"each of its requests is decided by itself, also by {string.Join(", ", rules.Conditional.Select(r => Name(snapshot, r.Policy, r.RuleIndex)))}");
            if (rules.Limits is { } limits) answer.Steps.Add($"those that are allowed are limited by {string.Join(", ", limits.Rules.Select(r => $"RateLimit {r.Policy} rule {r.RuleIndex}: {Shown(r.Limit)}"))}");
        }
    }

    private static void AddUnread(Wire.ExplainResponse answer, NodeSnapshot snapshot, in ConnectionRequest connection)
    {
        NamespacedName[] asking = [.. RequestPorts.PoliciesOf(snapshot, connection.Destination, connection.Port, connection.Protocol)];
        if (asking.Length == 0) return;
        string why = connection.Destination.FindApplicationProtocol(connection.Port, connection.Protocol) is { } spoken
            ? $"port {connection.Port} speaks '{spoken}', as the first Service by name says that leads there"
            : $"no Service of namespace {connection.Destination.Namespace} that leads to port {connection.Port} says that it speaks HTTP";
        NamespacedName[] limiting = [.. asking.Where(n => snapshot.Policies[n].Action == PolicyAction.Limit).Select(RateLimitNames.ObjectOf)];
        asking = [.. asking.Where(n => snapshot.Policies[n].Action != PolicyAction.Limit)];
        if (asking.Length > 0) answer.Steps.Add($"{why}, so that nobody reads its requests: of {string.Join(", ", asking)}, rules about requests allow nothing there, and deny and audit all");
        if (limiting.Length > 0) answer.Steps.Add($"{why}, so that nobody counts its requests: RateLimit {string.Join(", ", limiting)} limits nothing there");
    }

    private static string Shown(RateLimit limit) => $"{limit}, {limit.Burst} at once" + limit.By switch
    {
        RateLimitBy.Identity => ", for each identity",
        RateLimitBy.Header => $", for each value of {limit.Header}",
        _ => "",
    };

    private static string Name(NodeSnapshot snapshot, PolicyReference policy, int rule) => $"{policy} rule {rule} ({FlowMapping.Rule(policy, rule, snapshot).SourceReference})";
}
