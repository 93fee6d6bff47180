using System.Net;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads core/v1 Service. Fields that are for load balancers outside the mesh are accepted and not used.</summary>
internal static class ServiceReader
{
    private const string Headless = "None", ExternalName = "ExternalName", Sctp = "SCTP";

    public static ServiceObject? Read(FieldReader root, ObjectMeta meta)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        string? type = spec.String("type");
        if (type == ExternalName)
            spec.Fail("type", $"{ExternalName} is a name of DNS only and means nothing here: who asks for it connects to where it leads, and is judged by the addresses there");
        else if (type is not (null or "ClusterIP" or "NodePort" or "LoadBalancer"))
            spec.Fail("type", $"'{type}' is not supported; ClusterIP, NodePort or LoadBalancer is");
        EquatableArray<IPAddress> addresses = ReadAddresses(spec, mayBeNone: type == ExternalName);
        var service = new ServiceObject(meta)
        {
            ClusterIps = addresses,
            Ports = ReadPorts(spec, mayBeNone: addresses.IsEmpty),
            Selector = spec.Strings("selector"),
            KeepsClients = OneOf(spec, "sessionAffinity", "None", "ClientIP"),
            IsNodeLocal = OneOf(spec, "internalTrafficPolicy", "Cluster", "Local"),
        };
        spec.Ignore("ipFamilies", "ipFamilyPolicy", "sessionAffinityConfig", "externalTrafficPolicy",
            "externalIPs", "loadBalancerIP", "loadBalancerClass", "loadBalancerSourceRanges", "allocateLoadBalancerNodePorts",
            "healthCheckNodePort", "publishNotReadyAddresses", "trafficDistribution");
        spec.Done();
        AnnotationReader.CheckPorts(root, service);
        return service;
    }

    // Whether a field has the second of the two values that there are, and not the first, which is also meant where it is not said.
    private static bool OneOf(FieldReader spec, string field, string usual, string other)
    {
        string? value = spec.String(field);
        if (value is not null && value != usual && value != other) spec.Fail(field, $"'{value}' is not known; {usual} or {other} is");
        return value == other;
    }

    private static EquatableArray<IPAddress> ReadAddresses(FieldReader spec, bool mayBeNone)
    {
        string? first = spec.String("clusterIP");
        bool headless = first == Headless;
        EquatableArray<string> all = spec.List("clusterIPs", static (string text, out string value) =>
        {
            value = text;
            return text == Headless ? null : Names.Address(text, out _);
        });
        if (!mayBeNone && first is null && all.IsEmpty && !spec.Has("clusterIP") && !spec.Has("clusterIPs"))
            spec.Fail("clusterIP", "is required: nothing gives out addresses here (write None for a service without)");
        if (headless || all.Contains(Headless)) return [];
        if (first is not null && Names.Address(first, out _) is { } error)
        {
            spec.Fail("clusterIP", error);
            return [];
        }
        if (first is not null && !all.IsEmpty && all[0] != first) spec.Fail("clusterIPs", "the first one must be clusterIP");
        return (all.IsEmpty && first is not null ? [first] : all).Select(IPAddress.Parse).Distinct().ToEquatableArray();
    }

    private static EquatableArray<ServicePortObject> ReadPorts(FieldReader spec, bool mayBeNone)
    {
        var ports = new List<ServicePortObject>();
        FieldReader[] readers = [.. spec.Maps("ports")];
        if (!spec.Has("ports") && !mayBeNone) spec.Fail("ports", "is required");
        foreach ((int place, FieldReader reader) in readers.Index())
        {
            // The mesh carries none of it; the other ports of the Service are none the worse for it.
            if (reader.IsLenient && reader.String("protocol") == Sctp) continue;
            string name = reader.String("name", Names.Label) ?? "";
            if (name.Length == 0 && readers.Length > 1 && !reader.Has("name")) reader.Fail("name", "is required where there are several ports");
            ushort port = reader.Port("port", required: true) ?? 0;
            TransportProtocol protocol = reader.Enum<TransportProtocol>("protocol") ?? TransportProtocol.Tcp;
            (ushort number, string? target) = ReadTarget(reader, port);
            string? appProtocol = reader.String("appProtocol");
            reader.Ignore("nodePort");
            reader.Done();
            if (port != 0 && ports.Any(p => p.Port == port && p.Protocol == protocol)) reader.Fail("port", $"{port} is there twice");
            else if (ports.Any(p => p.Name == name)) reader.Fail("name", $"the name '{name}' is there twice");
            else ports.Add(new(name, port, protocol, number, target, appProtocol) { Place = place });
        }
        return ports.ToEquatableArray();
    }

    private static (ushort Number, string? Name) ReadTarget(FieldReader reader, ushort port)
    {
        ScalarNode? target = reader.Scalar("targetPort");
        if (target is null) return (port, null);
        if (target.AsInteger() is not null) return (reader.Port("targetPort") ?? 0, null);
        return (0, reader.String("targetPort", static text => text.All(char.IsAsciiDigit) ? $"is a string; write the number {text} without quotes" : Names.Label(text)));
    }
}
