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
        else if (decision.IsAllowed && RequestRules.Of(snapshot, connection, new RateLimiters(snapshot, previous: null)) is { } rules) AddRules(answer, snapshot, rules);
    }

    private static void AddRules(Wire.ExplainResponse answer, NodeSnapshot snapshot, RequestRules rules)
    {
        if (rules.Authentication is { } authentication)
        {
            foreach (RequestAuthenticationInfo source in authentication.Objects)
            {
                string keyless = string.Join(", ", source.Rules.Where(r => !r.HasKeys).Select(r => r.Issuer));
                answer.Steps.Add($"tokens of its requests are checked by RequestAuthentication {source.Name} ({source.SourceReference}), of issuers {string.Join(", ", source.Rules.Select(r => r.Issuer))}{(keyless.Length > 0 ? $"; the keys of {keyless} are not known, so that none of their tokens is good" : "")}");
            }
        }

        string[] conditional = [.. rules.Conditional.Select(r => Name(snapshot, r.Policy, r.RuleIndex))];
        if (conditional.Length > 0) answer.Steps.Add($"each of its requests is decided by itself, also by {string.Join(", ", conditional)}");
        foreach (AuthorizerRule rule in rules.Authorizers)
            answer.Steps.Add($"requests that {Name(snapshot, rule.Policy, rule.RuleIndex)} matches, and that are allowed otherwise, have to be allowed by external authorizer {rule.Name}{Asked(rule)}");
        if (rules.Limits is { } limits) answer.Steps.Add($"those that are allowed are limited by {string.Join(", ", limits.Rules.Select(r => $"RateLimit {r.Policy} rule {r.RuleIndex}: {Shown(r.Limit)}"))}");
    }

    private static void AddUnread(Wire.ExplainResponse answer, NodeSnapshot snapshot, in ConnectionRequest connection)
    {
        if (!connection.Destination.RequestAuthenticationNames.IsEmpty && connection.Protocol == TransportProtocol.Tcp)
            answer.Steps.Add($"nobody reads requests at port {connection.Port}, so that tokens are not looked at there: RequestAuthentication {string.Join(", ", connection.Destination.RequestAuthenticationNames)} says nothing of it");
        NamespacedName[] asking = [.. RequestPorts.PoliciesOf(snapshot, connection.Destination, connection.Port, connection.Protocol)];
        if (asking.Length == 0) return;
        string why = connection.Destination.FindApplicationProtocol(connection.Port, connection.Protocol) is { } spoken
            ? $"port {connection.Port} speaks '{spoken}', as the first Service by name says that leads there"
            : $"no Service of namespace {connection.Destination.Namespace} that leads to port {connection.Port} says that it speaks HTTP";
        NamespacedName[] limiting = [.. asking.Where(n => snapshot.Policies[n].Action == PolicyAction.Limit).Select(RateLimitNames.ObjectOf)];
        asking = [.. asking.Where(n => snapshot.Policies[n].Action != PolicyAction.Limit)];
        if (asking.Length > 0) answer.Steps.Add($"{why}, so that nobody reads its requests: of {string.Join(", ", asking)}, rules about requests allow nothing there, and deny and audit all; where an external authorizer would be asked, all is denied");
        if (limiting.Length > 0) answer.Steps.Add($"{why}, so that nobody counts its requests: RateLimit {string.Join(", ", limiting)} limits nothing there");
    }

    private static string Asked(AuthorizerRule rule) => rule switch
    {
        { Authorizer: null } => ", which the MeshConfig does not have: they are refused",
        { IsItself: true } => "; the port is an external authorizer's own, about which nobody is asked: they are refused",
        { Authorizer: { } authorizer } => $" (Service {authorizer.Service} port {authorizer.Port}, {(authorizer.Protocol == ExternalAuthorizerProtocol.Grpc ? "gRPC" : "HTTP")}); when it can't be asked they are {(authorizer.AllowsOnFailure ? "let through" : "refused")}",
    };

    private static string Shown(RateLimit limit) => $"{limit}, {limit.Burst} at once{(limit.DelayAfter == 0 ? "" : $" of which those after {limit.DelayAfter} wait until they are on time")}" + limit.By switch
    {
        RateLimitBy.Identity => ", for each identity",
        RateLimitBy.Header => $", for each value of {limit.Header}",
        _ => "",
    } + (limit.Global is { } global ? $"; about what passes the rate limit service behind Service {global.Service} port {global.Port} is asked (domain {global.Domain}), and when it can't be asked requests are {(global.RefusesOnFailure ? "refused" : "let through")}" : "");

    private static string Name(NodeSnapshot snapshot, PolicyReference policy, int rule) => $"{policy} rule {rule} ({FlowMapping.Rule(policy, rule, snapshot).SourceReference})";
}
