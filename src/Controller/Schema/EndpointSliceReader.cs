using System.Net;
using System.Net.Sockets;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads discovery.k8s.io/v1 EndpointSlice, whose fields stand at the top.</summary>
internal static class EndpointSliceReader
{
    // A cluster writes null for a slice without endpoints or ports.
    public static EndpointSliceObject? Read(FieldReader root, ObjectMeta meta)
    {
        if (!meta.Labels.TryGetValue(EndpointSliceObject.ServiceLabel, out string? service))
            root.Fail("metadata", $"the label {EndpointSliceObject.ServiceLabel} is required: it names the service");
        string? type = root.String("addressType", required: true);
        if (type is not (null or "IPv4" or "IPv6")) root.Fail("addressType", $"'{type}' is not supported; IPv4 or IPv6 is");
        var ready = new List<EndpointSliceObject.Endpoint>();
        var draining = new List<EndpointSliceObject.Endpoint>();
        foreach (FieldReader endpoint in root.Maps("endpoints", mayBeEmpty: true, mayBeNull: true))
        {
            EquatableArray<IPAddress> own = endpoint.List<IPAddress>("addresses", Names.Address);
            if (!endpoint.Has("addresses")) endpoint.Fail("addresses", "is required");
            AddressFamily family = type == "IPv6" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
            if (own.FirstOrDefault(a => a.AddressFamily != family) is { } other) endpoint.Fail("addresses", $"{other} is not of addressType {type}");
            (bool isReady, bool isDraining) = ReadConditions(endpoint);
            string? node = endpoint.String("nodeName");
            EquatableArray<string> zones = ReadZones(endpoint);
            if (isReady || isDraining) (isReady ? ready : draining).AddRange(own.Select(a => new EndpointSliceObject.Endpoint(a, node, zones)));
            endpoint.Ignore("hostname", "zone", "targetRef", "deprecatedTopology");
            endpoint.Done();
        }
        return new(meta)
        {
            Service = service ?? "",
            Ready = ready.DistinctBy(e => e.Address).ToEquatableArray(),
            Draining = draining.ExceptBy(ready.Select(e => e.Address), e => e.Address).ToEquatableArray(),
            Ports = ReadPorts(root),
        };
    }

    // A hint of a kind that is not known here is for others.
    private static EquatableArray<string> ReadZones(FieldReader endpoint)
    {
        if (endpoint.Map("hints") is not { } hints) return [];
        List<string> zones = [];
        foreach (FieldReader zone in hints.Maps("forZones", mayBeEmpty: true, mayBeNull: true))
        {
            if (zone.String("name", required: true) is { } name) zones.Add(name);
            zone.Done();
        }
        hints.Ignore("forNodes");
        hints.Done();
        return zones.Distinct().ToEquatableArray();
    }

    /// <summary>Not said is ready; serving is what ready is where it is not said.</summary>
    private static (bool IsReady, bool IsDraining) ReadConditions(FieldReader endpoint)
    {
        if (endpoint.Map("conditions") is not { } conditions) return (true, false);
        bool ready = conditions.Bool("ready") ?? true, serving = conditions.Bool("serving") ?? ready, terminating = conditions.Bool("terminating") ?? false;
        conditions.Done();
        return (ready, serving && terminating);
    }

    private static EquatableArray<EndpointSliceObject.EndpointPort> ReadPorts(FieldReader root)
    {
        var ports = new List<EndpointSliceObject.EndpointPort>();
        foreach (FieldReader reader in root.Maps("ports", mayBeEmpty: true, mayBeNull: true))
        {
            // A port of a protocol that the mesh does not carry, and one that says "all ports", which are nobody's to balance.
            if (reader.IsLenient && (reader.String("protocol") == "SCTP" || !reader.Has("port"))) continue;
            string name = reader.String("name", text => text.Length == 0 ? null : Names.Label(text)) ?? "";
            ushort port = reader.Port("port", required: true) ?? 0;
            TransportProtocol protocol = reader.Enum<TransportProtocol>("protocol") ?? TransportProtocol.Tcp;
            reader.Ignore("appProtocol");
            reader.Done();
            ports.Add(new(name, port, protocol));
        }
        return ports.ToEquatableArray();
    }
}
