using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads culvert.dev/v1alpha1 TrafficPolicy.</summary>
internal static class TrafficPolicyReader
{
    /// <summary>The fields of which it has one at least.</summary>
    public const string OneOfFields = "loadBalancing, requestBalancing, outlierDetection, healthCheck, circuitBreaker, retryBudget, hedging, faultInjection, responseCache, proxyProtocol or acceptProxyProtocol";

    public static TrafficPolicyObject? Read(FieldReader root, ObjectMeta meta)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        string service = spec.Map("targetRef", required: true) is { } target ? ReadTarget(target) : "";
        bool saysSomething = spec.Has("loadBalancing") | spec.Has("requestBalancing") | spec.Has("proxyProtocol") | spec.Has("acceptProxyProtocol") | spec.Has("outlierDetection") | spec.Has("healthCheck") | spec.Has("circuitBreaker") | spec.Has("retryBudget") | spec.Has("hedging") | spec.Has("faultInjection") | spec.Has("responseCache");
        if (!saysSomething) spec.Fail("", $"says nothing of its target; {OneOfFields} is required");
        var policy = new TrafficPolicyObject(meta, service)
        {
            LoadBalancing = ReadBalancing(spec),
            Requests = RequestSettingsReader.Read(spec, meta.FullName),
            ProxyProtocol = ProxyProtocolReader.ReadRequest(spec, meta),
            TrustedProxies = ProxyProtocolReader.ReadTrusted(spec, meta),
        };
        spec.Done();
        return policy;
    }

    private static string ReadTarget(FieldReader target)
    {
        if (target.String("kind", required: true) is { } kind && kind != "Service") target.Fail("kind", $"'{kind}' is not supported; Service is");
        string name = target.String("name", Names.Subdomain, required: true) ?? "";
        target.Done();
        return name;
    }

    private static EquatableArray<PortLoadBalancing> ReadBalancing(FieldReader spec)
    {
        var found = new List<PortLoadBalancing>();
        HashSet<TransportPort> seen = [];
        foreach (FieldReader entry in spec.Maps("loadBalancing"))
        {
            TransportProtocol? protocol = entry.Enum<TransportProtocol>("protocol", required: true);
            ushort? port = entry.Port("port");
            LoadBalancing? mode = entry.Enum<LoadBalancing>("mode", required: true);
            entry.Done();
            if (protocol is null || mode is null || (port is null && entry.Has("port"))) continue;
            TransportPort covered = new(port ?? 0, protocol.Value);
            if (!seen.Add(covered)) entry.Fail("port", $"{covered} is there twice");
            found.Add(new(covered, mode.Value));
        }
        return found.ToEquatableArray();
    }
}
