using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Workloads between model and wire.</summary>
public static class WorkloadMapping
{
    /// <summary>The wire form of a workload.</summary>
    public static Wire.Workload ToWire(this WorkloadInfo workload)
    {
        var wire = new Wire.Workload
        {
            Uid = workload.Uid,
            Namespace = workload.Name.Namespace,
            Name = workload.Name.Name,
            ServiceAccount = workload.ServiceAccount,
            Identity = workload.Identity.ToString(),
            Node = workload.Node,
            Enrolled = workload.Enrolled,
            EnrolmentRefused = workload.EnrolmentRefused,
            PodUid = workload.PodUid ?? "",
            Owner = workload.Owner is { } owner ? new Wire.WorkloadOwner { Kind = (Wire.WorkloadOwnerKind)owner.Kind, Name = owner.Name } : null,
            MtlsMode = workload.MtlsMode.ToWire(),
            HostInterface = workload.HostInterface ?? "",
            NetworkNamespace = workload.NetworkNamespace ?? "",
            Healthy = workload.Healthy,
        };
        foreach (IPAddress address in workload.Addresses) wire.Addresses.Add(address.ToWire());
        foreach ((string key, string value) in workload.Labels) wire.Labels.Add(key, value);
        foreach (NamespacedName policy in workload.PolicyNames) wire.Policies.Add(policy.ToString());
        foreach (NamespacedName policy in workload.NetworkPolicyNames) wire.NetworkPolicies.Add(policy.ToString());
        foreach (NamespacedName authentication in workload.RequestAuthenticationNames) wire.RequestAuthentications.Add(authentication.ToString());
        wire.PeerGroups.AddRange(workload.PeerGroups);
        foreach (NamedPort port in workload.NamedPorts) wire.NamedPorts.Add(new Wire.NamedPort { Name = port.Name, Port = port.Port, Protocol = (Wire.TransportProtocol)port.Protocol });
        foreach (ushort port in workload.ExcludedPorts) wire.ExcludedPorts.Add(port);
        foreach (ApplicationPort port in workload.ApplicationPorts) wire.ApplicationPorts.Add(new Wire.ApplicationPort { Port = port.Port, Protocol = port.Protocol });
        foreach (TransportPort port in workload.ProxyProtocolPorts) wire.ProxyProtocolPorts.Add(ToWire(port));
        foreach (TransportPort port in workload.BareProxyProtocolPorts) wire.BareProxyProtocolPorts.Add(ToWire(port));
        foreach (TrustedProxies proxies in workload.TrustedProxies)
        {
            var trusted = new Wire.TrustedProxies();
            foreach (TransportPort port in proxies.Ports) trusted.Ports.Add(ToWire(port));
            foreach (IpPrefix prefix in proxies.From) trusted.From.Add(prefix.ToString());
            wire.TrustedProxies.Add(trusted);
        }
        return wire;
    }

    /// <summary>The model of a workload.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    public static WorkloadInfo ToModel(this Wire.Workload workload) => new()
    {
        Uid = FieldMapping.Required(workload.Uid, "uid"),
        Name = FieldMapping.ToName(workload.Namespace, workload.Name),
        ServiceAccount = FieldMapping.Required(workload.ServiceAccount, "service_account"),
        Identity = SpiffeId.Parse(workload.Identity),
        Node = workload.Node,
        Enrolled = workload.Enrolled,
        EnrolmentRefused = workload.EnrolmentRefused,
        PodUid = workload.PodUid.NullIfEmpty(),
        Owner = ToModel(workload.Owner),
        MtlsMode = workload.MtlsMode.ToModel(),
        HostInterface = workload.HostInterface.NullIfEmpty(),
        NetworkNamespace = workload.NetworkNamespace.NullIfEmpty(),
        Healthy = workload.Healthy,
        Addresses = workload.Addresses.ToAddresses("addresses"),
        Labels = workload.Labels.ToImmutableSortedDictionary(StringComparer.Ordinal),
        PolicyNames = workload.Policies.Select(NamespacedName.Parse).ToEquatableArray(),
        NetworkPolicyNames = workload.NetworkPolicies.Select(NamespacedName.Parse).ToEquatableArray(),
        RequestAuthenticationNames = workload.RequestAuthentications.Select(NamespacedName.Parse).ToEquatableArray(),
        PeerGroups = workload.PeerGroups.ToEquatableArray(),
        NamedPorts = workload.NamedPorts.Select(p => new NamedPort(FieldMapping.Required(p.Name, "named_ports.name"), p.Port.ToPort("named_ports.port"), p.Protocol.ToModel())).ToEquatableArray(),
        ExcludedPorts = workload.ExcludedPorts.ToPorts("excluded_ports"),
        ApplicationPorts = workload.ApplicationPorts.Select(p => new ApplicationPort(p.Port.ToPort("application_ports.port"), FieldMapping.Required(p.Protocol, "application_ports.protocol"))).ToEquatableArray(),
        ProxyProtocolPorts = workload.ProxyProtocolPorts.Select(p => ToModel(p, "proxy_protocol_ports")).ToEquatableArray(),
        BareProxyProtocolPorts = workload.BareProxyProtocolPorts.Select(p => ToModel(p, "bare_proxy_protocol_ports")).ToEquatableArray(),
        TrustedProxies = workload.TrustedProxies
            .Select(t => new TrustedProxies(t.Ports.Select(p => ToModel(p, "trusted_proxies.ports")).ToEquatableArray(), t.From.ToPrefixes())).ToEquatableArray(),
    };

    private static Wire.TransportPort ToWire(TransportPort port) => new() { Port = port.Port, Protocol = (Wire.TransportProtocol)port.Protocol };

    // It is for metrics only: of a kind that only a newer controller knows there is no label, and the workload counts all the same.
    private static WorkloadOwner? ToModel(Wire.WorkloadOwner? owner) =>
        owner is { Name.Length: > 0 } && Enum.IsDefined((WorkloadOwnerKind)owner.Kind) ? new WorkloadOwner((WorkloadOwnerKind)owner.Kind, owner.Name) : null;

    private static TransportPort ToModel(Wire.TransportPort port, string field) =>
        new(port.Port == 0 ? (ushort)0 : port.Port.ToPort(field), port.Protocol.ToModel());
}
