using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads the fields of a Workload that say the same as its PROXY protocol annotations.</summary>
internal static class ProxyProtocolReader
{
    /// <summary>Reads <c>proxyProtocol: {version: v2, ports: [80, 53/udp], tlvs: NONE}</c>.</summary>
    public static ProxyProtocolRequest ReadRequest(FieldReader spec, ObjectMeta meta)
    {
        if (spec.Map("proxyProtocol") is not { } reader) return meta.ProxyProtocol;
        if (!meta.ProxyProtocol.IsEmpty) spec.Fail("proxyProtocol", $"is given by the annotation {AnnotationReader.ProxyProtocol} as well; keep one of them");
        string? version = reader.String("version", required: true);
        if (version is not (null or "v2")) reader.Fail("version", $"'{version}' is not supported; v2 is");
        EquatableArray<TransportPort> ports = reader.TransportPorts("ports");
        string? tlvs = reader.String("tlvs");
        if (tlvs is not (null or "ALL" or "NONE")) reader.Fail("tlvs", $"'{tlvs}' is not one of ALL, NONE");
        reader.Done();
        return new(ports.IsEmpty ? TransportPort.All : ports, tlvs == "NONE");
    }

    /// <summary>Reads <c>acceptProxyProtocol: [{ports: [443], from: [10.0.0.0/8]}]</c>.</summary>
    public static EquatableArray<TrustedProxies> ReadTrusted(FieldReader spec, ObjectMeta meta)
    {
        if (!spec.Has("acceptProxyProtocol")) return meta.TrustedProxies;
        if (!meta.TrustedProxies.IsEmpty) spec.Fail("acceptProxyProtocol", $"is given by the annotation {AnnotationReader.AcceptProxyProtocol} as well; keep one of them");
        var trusted = new List<TrustedProxies>();
        foreach (FieldReader reader in spec.Maps("acceptProxyProtocol"))
        {
            if (!reader.Has("ports")) reader.Fail("ports", "is required");
            if (!reader.Has("from")) reader.Fail("from", "is required: it says whom to believe");
            trusted.Add(new(reader.TransportPorts("ports"), reader.List<IpPrefix>("from", Names.Prefix)));
            reader.Done();
        }
        return trusted.ToEquatableArray();
    }
}
