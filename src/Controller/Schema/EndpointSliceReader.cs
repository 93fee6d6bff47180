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
        var addresses = new List<IPAddress>();
        foreach (FieldReader endpoint in root.Maps("endpoints", mayBeEmpty: true, mayBeNull: true))
        {
            EquatableArray<IPAddress> own = endpoint.List<IPAddress>("addresses", Names.Address);
            if (!endpoint.Has("addresses")) endpoint.Fail("addresses", "is required");
            AddressFamily family = type == "IPv6" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
            if (own.FirstOrDefault(a => a.AddressFamily != family) is { } other) endpoint.Fail("addresses", $"{other} is not of addressType {type}");
            if (ReadReady(endpoint)) addresses.AddRange(own);
            endpoint.Ignore("hostname", "nodeName", "zone", "hints", "targetRef", "deprecatedTopology");
            endpoint.Done();
        }
        var slice = new EndpointSliceObject(meta) { Service = service ?? "", Addresses = addresses.Distinct().ToEquatableArray(), Ports = ReadPorts(root) };
        return slice;
    }

    private static bool ReadReady(FieldReader endpoint)
    {
        if (endpoint.Map("conditions") is not { } conditions) return true;
        bool ready = conditions.Bool("ready") ?? true;
        conditions.Ignore("serving", "terminating");
        conditions.Done();
        return ready;
    }

    private static EquatableArray<EndpointSliceObject.EndpointPort> ReadPorts(FieldReader root)
    {
        var ports = new List<EndpointSliceObject.EndpointPort>();
        foreach (FieldReader reader in root.Maps("ports", mayBeEmpty: true, mayBeNull: true))
        {
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
