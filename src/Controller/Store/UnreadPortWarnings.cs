using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Keeps the warnings of authorization policies and TrafficTargets with conditions on requests, and of request authentications, at ports of which no Service of their namespace says that they speak HTTP: nobody reads requests there. Not thread-safe.</summary>
internal sealed class UnreadPortWarnings
{
    // Of policies with conditions on requests, and of Services that say something of HTTP.
    private readonly MultiMap<string, ObjectKey> _policies = new();
    private readonly MultiMap<string, ObjectKey> _services = new();
    private readonly WarningTable _warnings = new();

    /// <summary>All of them, by policy.</summary>
    public IEnumerable<SourceError> All => _warnings.All;

    /// <summary>Takes changes up.</summary>
    /// <param name="changes">Objects as they were and as they are.</param>
    /// <param name="find">An object that is in force now.</param>
    public void Update(IEnumerable<(MeshObject? Old, MeshObject? New)> changes, Func<ObjectKey, MeshObject?> find)
    {
        HashSet<ObjectKey> dirty = [];
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            MeshObject one = (old ?? now)!;
            string ns = one.Meta.Namespace;
            if (one is ServiceObject)
            {
                if (old is ServiceObject before && HttpPorts(before).Any()) _services.Remove(ns, one.Key);
                if (now is ServiceObject after && HttpPorts(after).Any()) _services.Add(ns, one.Key);
                dirty.UnionWith(_policies[ns]);
            }
            else if (one is RequestAuthenticationObject && ns != Names.RootNamespace)
            {
                if (old is not null) _policies.Remove(ns, one.Key);
                if (now is not null) _policies.Add(ns, one.Key);
                dirty.Add(one.Key);
            }
            else if (one is TrafficTargetObject)
            {
                if (old is TrafficTargetObject { AsksAboutRequests: true }) _policies.Remove(ns, one.Key);
                if (now is TrafficTargetObject { AsksAboutRequests: true }) _policies.Add(ns, one.Key);
                dirty.Add(one.Key);
            }
            else if (one is SmiRouteObject)
            {
                dirty.UnionWith(_policies[ns].Where(k => k.Kind == ObjectKind.TrafficTarget));
            }
            else if (one is AuthorizationPolicyObject && ns != Names.RootNamespace)
            {
                if (old is AuthorizationPolicyObject gone && AsksAboutRequests(gone)) _policies.Remove(ns, one.Key);
                if (now is AuthorizationPolicyObject added && AsksAboutRequests(added)) _policies.Add(ns, one.Key);
                dirty.Add(one.Key);
            }
        }

        foreach (ObjectKey key in dirty)
        {
            _warnings.Set(key, find(key) switch
            {
                AuthorizationPolicyObject policy when AsksAboutRequests(policy) => Of(policy, find),
                TrafficTargetObject { AsksAboutRequests: true } target => Of(target, find),
                RequestAuthenticationObject authentication when _services[key.Namespace].Count == 0 =>
                    [SourceWarning.About(authentication, $"no Service of namespace {key.Namespace} says that any of its ports speaks HTTP (by appProtocol, or the port's name), so that nobody reads requests, and no token is looked at", "spec")],
                _ => [],
            });
        }
    }

    private IEnumerable<SourceError> Of(AuthorizationPolicyObject policy, Func<ObjectKey, MeshObject?> find)
    {
        ushort?[] spoken = Spoken(_services[policy.Meta.Namespace].Select(k => (ServiceObject)find(k)!));
        for (int rule = 0; rule < policy.Policy.Rules.Count; rule++)
        {
            for (int to = 0; to < policy.Policy.Rules[rule].To.Count; to++)
            {
                PolicyDestination destination = policy.Policy.Rules[rule].To[to];
                if (policy.Policy.Action != PolicyAction.Custom && destination.Request is null && !policy.Policy.Rules[rule].AsksAboutTokens) continue;
                if (Reason(policy, destination, spoken) is { } reason) yield return SourceWarning.About(policy, reason, "spec", "rules", rule, "to", to);
            }
        }
    }

    private IEnumerable<SourceError> Of(TrafficTargetObject target, Func<ObjectKey, MeshObject?> find)
    {
        string ns = target.Meta.Namespace;
        ushort?[] spoken = Spoken(_services[ns].Select(k => (ServiceObject)find(k)!));
        if (TrafficTargetCompiler.Ports(target, find) is not { } ports || Unread(ns, ports, spoken) is not { } reason) yield break;
        int rule = target.Rules.Index().First(r => r.Item.Route.Kind == ObjectKind.HTTPRouteGroup).Index;
        yield return SourceWarning.About(target, $"{reason}: it allows nothing there", "spec", "rules", rule);
    }

    private static string? Reason(AuthorizationPolicyObject policy, PolicyDestination destination, ushort?[] spoken)
    {
        string effect = policy.Policy.Action switch { PolicyAction.Allow => "it allows nothing", PolicyAction.Deny or PolicyAction.Custom => "it denies all", _ => "it audits all" };
        if (destination.Ports.IsEmpty && policy.Policy.Action != PolicyAction.Allow) return $"it is about requests and names no ports: {effect} at every port of TCP that carries something else than HTTP";
        return Unread(policy.Meta.Namespace, destination.Ports, spoken) is { } reason ? $"{reason}: {effect} there" : null;
    }

    // Null: somebody reads requests to each of the ports; where none is named, to one at least.
    private static string? Unread(string ns, EquatableArray<ushort> ports, ushort?[] spoken)
    {
        bool isSpoken = ports.IsEmpty ? spoken.Length > 0 : ports.All(p => spoken.Contains(null) || spoken.Contains(p));
        if (isSpoken) return null;
        string which = ports.IsEmpty ? "any of its ports" : $"port {string.Join(" or ", ports.Where(p => !spoken.Contains(p)))}";
        return $"no Service of namespace {ns} says that {which} speaks HTTP (by appProtocol, or the port's name), so that nobody reads its requests";
    }

    private static bool AsksAboutRequests(AuthorizationPolicyObject policy) => policy.Policy.Action == PolicyAction.Custom || policy.Policy.Rules.Any(r => r.AsksAboutTokens || r.To.Any(t => t.Request is not null));

    /// <summary>The ports of workloads of which Services say that they speak HTTP; null among them: some that only workloads know.</summary>
    public static ushort?[] Spoken(IEnumerable<ServiceObject> services) =>
        // Which port a name stands for is the workloads' to say; of a Service without a selector, its EndpointSlices'.
        [.. services.SelectMany(s => HttpPorts(s).Select(p => s.Selector.IsEmpty || p.TargetName is not null ? (ushort?)null : p.TargetPort))];

    /// <summary>The ports of which a Service says that they speak HTTP.</summary>
    public static IEnumerable<ServicePortObject> HttpPorts(ServiceObject service) => service.Ports.Where(p => p.Protocol == TransportProtocol.Tcp && HttpKinds.Of(PortProtocol.Of(p)) != HttpKind.None);
}
