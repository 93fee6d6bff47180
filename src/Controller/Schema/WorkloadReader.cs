using System.Collections.Immutable;
using System.Net;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads culvert.dev/v1alpha1 Workload.</summary>
internal static class WorkloadReader
{
    public static WorkloadObject? Read(FieldReader root, ObjectMeta meta)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        EquatableArray<IPAddress> addresses = spec.List<IPAddress>("addresses", Names.Address);
        if (!spec.Has("addresses")) spec.Fail("addresses", "is required");
        if (addresses.Distinct().Count() != addresses.Count) spec.Fail("addresses", "an address is there twice");
        string? node = spec.String("node", Names.Subdomain, required: true);
        var workload = new WorkloadObject(meta)
        {
            Addresses = addresses,
            Node = node ?? "",
            ServiceAccount = spec.String("serviceAccount", Names.Subdomain) ?? "default",
            Interface = spec.String("interface", Names.Interface),
            NetworkNamespace = spec.String("networkNamespace", Names.NetworkNamespace),
            Enrolled = spec.Bool("enrolled"),
            HostNetwork = spec.Bool("hostNetwork") ?? false,
            Ports = ReadPorts(spec),
            ProxyProtocol = ProxyProtocolReader.ReadRequest(spec, meta),
            TrustedProxies = ProxyProtocolReader.ReadTrusted(spec, meta),
        };
        if (workload is { HostNetwork: true, Enrolled: true }) spec.Fail("enrolled", "a workload of its node's network (hostNetwork) can't be enrolled: it has no interface of its own");
        spec.Done();
        return workload;
    }

    private static ImmutableSortedDictionary<string, TransportPort> ReadPorts(FieldReader spec)
    {
        var ports = ImmutableSortedDictionary.CreateBuilder<string, TransportPort>(StringComparer.Ordinal);
        foreach (FieldReader port in spec.Maps("ports"))
        {
            string? name = port.String("name", Names.Label, required: true);
            ushort? number = port.Port("port", required: true);
            TransportProtocol protocol = port.Enum<TransportProtocol>("protocol") ?? TransportProtocol.Tcp;
            port.Done();
            if (name is null || number is null) continue;
            if (ports.ContainsKey(name)) port.Fail("name", $"the name '{name}' is there twice");
            ports[name] = new(number.Value, protocol);
        }
        return ports.ToImmutable();
    }
}
