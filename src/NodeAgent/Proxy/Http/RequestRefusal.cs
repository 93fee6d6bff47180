using Culvert.Core;
using Culvert.Http1;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Reasons;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>What the proxy answers a request with in a server's place.</summary>
/// <param name="Status">The status.</param>
/// <param name="Error">What kind of error, of <see cref="ProxyError"/>.</param>
/// <param name="Details">In words, without quotation marks and without anything of the request: the reason, and the policy or route.</param>
internal sealed record RequestRefusal(int Status, string Error, string Details)
{
    /// <summary>The limit that it has met; null: none.</summary>
    internal RateLimitExcess? Excess { get; init; }

    /// <summary>What an external authorizer has the client told in place of the proxy's words; null: there are these only.</summary>
    internal DeniedAnswer? Denied { get; init; }

    /// <summary>Of a path that servers could take for different ones.</summary>
    internal static RequestRefusal BadPath { get; } = new(400, ProxyError.Request, "the path leads above the root, or has invalid percent-encoding, or dots that only some servers take for a way up");

    /// <summary>Of a request that is none.</summary>
    internal static RequestRefusal Of(MessageRefusal refusal) => new(refusal.Status, ProxyError.Request, refusal.Reason);

    /// <summary>Of one that asks for a tunnel.</summary>
    internal static RequestRefusal Connect { get; } = new(501, ProxyError.Request, "CONNECT is not served");

    /// <summary>Of one whose head has no room as the server would get it.</summary>
    internal static RequestRefusal LongHead { get; } = new(431, ProxyError.Request, "the head is too long");

    /// <summary>Of one whose server has not a word of HTTP/2.</summary>
    internal static RequestRefusal NotHttp2 { get; } = new(502, ProxyError.Protocol, "the server does not speak HTTP/2");

    /// <summary>Of one whose server has ended the connection in its place.</summary>
    internal static RequestRefusal NoAnswer { get; } = new(502, ProxyError.Incomplete, "the server ended the connection without an answer");

    /// <summary>Of one whose server's connection broke before there was an answer.</summary>
    internal static RequestRefusal BrokenConnection { get; } = new(502, ProxyError.Terminated, "the connection to the server broke before it had answered");

    /// <summary>Of one whose response is not one of HTTP.</summary>
    /// <param name="why">What is wrong with it.</param>
    internal static RequestRefusal BadResponse(string why) => new(502, ProxyError.Protocol, $"bad response: {why}");

    /// <summary>Of one whose server sends interim responses only.</summary>
    internal static RequestRefusal ManyInterims { get; } = BadResponse("there are too many interim responses");

    /// <summary>Of one whose stream the server has reset.</summary>
    internal static RequestRefusal ServerReset { get; } = new(502, ProxyError.Terminated, "the server has reset the request");

    /// <summary>Of one that can't be told what its route answers.</summary>
    internal static RequestRefusal LongAnswer { get; } = new(500, ProxyError.Configuration, "what the route answers is longer than a head may be");

    /// <summary>Of one that has taken longer than its route allows.</summary>
    internal static RequestRefusal RequestTimeout { get; } = new(504, ProxyError.ResponseTimeout, "the request took longer than its route allows");

    /// <summary>Of one whose server has taken longer.</summary>
    internal static RequestRefusal BackendTimeout { get; } = new(504, ProxyError.ResponseTimeout, "the server took longer than the route allows");

    /// <summary>Of one that no rule has.</summary>
    internal static RequestRefusal NoRoute(ServiceInfo? service) => new(404, ProxyError.NotFound, $"no rule of the routes for Service {service?.Name} matches the request");

    /// <summary>Of one whose rule has no backend with a weight.</summary>
    internal static RequestRefusal NoBackends(HttpRouteHit hit) => new(500, ProxyError.Configuration, $"{RuleOf(hit)} has no backend");

    /// <summary>Of one whose backend is not there, or is no Service.</summary>
    internal static RequestRefusal BadBackend(HttpRouteHit hit, HttpRouteBackend backend) =>
        new(500, ProxyError.Configuration, backend.Service is { } service ? $"{RuleOf(hit)} has a backend that is not there: Service {service} port {backend.Port}" : $"{RuleOf(hit)} has a backend that is no Service");

    /// <summary>Of one that leads nowhere.</summary>
    internal static RequestRefusal Of(in OutboundRoute route)
    {
        RequestRefusal refusal = Of(route.Failure);
        return route.Detail is { } detail ? refusal with { Details = $"{refusal.Details}: {detail}" } : refusal;
    }

    /// <summary>Of one beside which as many run as its Service's TrafficPolicy allows.</summary>
    internal static RequestRefusal TooMany(PortRequests port) =>
        new(503, ProxyError.ConnectionLimit, $"overflow: Service {port.Service} has as many requests of this node as TrafficPolicy {port.Settings.Policy} allows at once");

    /// <summary>Of one beside which as many wait for a connection.</summary>
    internal static RequestRefusal TooManyPending(PortRequests port) =>
        new(503, ProxyError.ConnectionLimit, $"overflow: Service {port.Service} has as many requests of this node that wait for a connection as TrafficPolicy {port.Settings.Policy} allows");

    /// <summary>Of one that is made to fail.</summary>
    internal static RequestRefusal Injected(int status, NamespacedName policy) => new(status, ProxyError.Injected, $"fault-injected: TrafficPolicy {policy} has requests fail");

    /// <summary>Of one whose server was not reached.</summary>
    internal static RequestRefusal Of(ProxyFailure failure)
    {
        (int status, string error) = ProxyError.Of(failure);
        return new(status, error, ProxyError.DetailsOf(failure));
    }

    /// <summary>By policy.</summary>
    internal static RequestRefusal Of(in Decision decision) =>
        new(403, ProxyError.Denied, decision.Policy is { } policy ? $"{ReasonText.Of(decision.Reason)}: AuthorizationPolicy {policy} rule {decision.RuleIndex}" : ReasonText.Of(decision.Reason));

    /// <summary>Of one with a token that is not good.</summary>
    internal static RequestRefusal Of(in JwtCheck check) =>
        new(401, ProxyError.Denied, check.Policy is { } policy ? $"{JwtErrors.Describe(check.Error)} ({JwtErrors.NameOf(check.Error)}): RequestAuthentication {policy}" : $"{JwtErrors.Describe(check.Error)} ({JwtErrors.NameOf(check.Error)})");

    /// <summary>Of one that is one too many.</summary>
    internal static RequestRefusal Of(in RateLimitExcess excess) =>
        new(429, ProxyError.Denied, $"{ReasonText.Of(DecisionReason.RateLimited)}: {excess.Kind} {excess.Object} rule {excess.RuleIndex}") { Excess = excess };

    /// <summary>Of one that an external authorizer denies, or about which it can't be asked: why not is for the operator (<see cref="IProxyObserver.OnRequestDecided"/>).</summary>
    internal static RequestRefusal Of(AuthorizerRefusal refusal) =>
        new(refusal.Status, ProxyError.Denied, $"{ReasonText.Of(ReasonOf(refusal))}: AuthorizationPolicy {refusal.Rule.Policy} rule {refusal.Rule.RuleIndex}") { Denied = refusal.Answer };

    /// <summary>The reason of such a refusal.</summary>
    internal static DecisionReason ReasonOf(AuthorizerRefusal refusal) => refusal.Failure is null ? DecisionReason.DeniedByAuthorizer : DecisionReason.AuthorizerFailed;

    /// <summary>Of one that is one too many for a rate limit service, or about which that can't be asked.</summary>
    internal static RequestRefusal Of(LimitRefusal refusal) =>
        new(refusal.Failure is null || refusal.IsCrowded ? 429 : 503, ProxyError.Denied, $"{ReasonText.Of(ReasonOf(refusal))}: RateLimit {refusal.Rule.Object} rule {refusal.Rule.RuleIndex}") { Denied = refusal.Answer };

    /// <summary>The reason of such a refusal.</summary>
    internal static DecisionReason ReasonOf(LimitRefusal refusal) => refusal.Failure is null ? DecisionReason.RateLimited : DecisionReason.LimitServiceFailed;

    private static string RuleOf(HttpRouteHit hit) => $"{hit.Route.Key} rule {hit.RuleIndex}";
}
