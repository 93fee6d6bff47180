using System.Globalization;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads the annotations below <c>culvert.dev/</c>, strictly: a name that is not known is an error, for a setting that is not heeded may be one that guards something.</summary>
internal static class AnnotationReader
{
    public const string Weight = "culvert.dev/weight";
    public const string ProxyProtocol = "culvert.dev/proxy-protocol";
    public const string AcceptProxyProtocol = "culvert.dev/accept-proxy-protocol";
    public const string TcpLoadBalancing = "culvert.dev/tcp-load-balancing";
    public const string UdpLoadBalancing = "culvert.dev/udp-load-balancing";
    private const string Prefix = "culvert.dev/";

    // Of culvert install, which keeps there what it was told; it means nothing here.
    private const string InstallOptions = Prefix + "install-options";

    private static readonly Dictionary<string, ObjectKind[]> Known = new(StringComparer.Ordinal)
    {
        [ProxyProtocol] = [ObjectKind.Workload, ObjectKind.Service],
        [AcceptProxyProtocol] = [ObjectKind.Workload, ObjectKind.Service],
        [TcpLoadBalancing] = [ObjectKind.Service],
        [UdpLoadBalancing] = [ObjectKind.Service],
        [InstallOptions] = [ObjectKind.Namespace],
    };

    /// <summary>Adds what the annotations say to the metadata.</summary>
    /// <param name="metadata">The mapping that holds them.</param>
    /// <param name="kind">Kind of the object.</param>
    /// <param name="meta">The metadata so far.</param>
    /// <param name="annotations">All of them.</param>
    public static ObjectMeta Read(FieldReader metadata, ObjectKind kind, ObjectMeta meta, IReadOnlyDictionary<string, string> annotations)
    {
        ushort weight = 1;
        if (annotations.TryGetValue(Weight, out string? text) && !ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out weight))
        {
            metadata.Fail("annotations", $"{Weight} is '{text}'; 0..65535 is allowed");
            weight = 1;
        }
        meta = meta with { Weight = weight };
        if (kind == ObjectKind.Workload) meta = NginxAnnotations.Read(metadata, meta, annotations);
        string[] own = [.. annotations.Keys.Where(k => k.StartsWith(Prefix, StringComparison.Ordinal) && k != Weight)];
        if (own.Length == 0 || metadata.Map("annotations") is not { } reader) return meta;
        foreach (string name in own)
        {
            if (!Known.TryGetValue(name, out ObjectKind[]? kinds))
                reader.Fail(name, $"unknown annotation; known are {string.Join(", ", Known.Keys.Append(Weight).Where(k => k != InstallOptions).Order(StringComparer.Ordinal))}");
            else if (!kinds.Contains(kind))
                reader.Fail(name, $"means nothing on a {kind}; it belongs on a {string.Join(" or a ", kinds)}");
        }
        TrustedProxies? proxies = reader.Parsed<TrustedProxies>(AcceptProxyProtocol, PortLists.AcceptProxyProtocol);
        return meta with
        {
            ProxyProtocol = reader.Parsed<ProxyProtocolRequest>(ProxyProtocol, PortLists.ProxyProtocol),
            TrustedProxies = proxies is null ? [] : [proxies],
            LoadBalancing = reader.Parsed<EquatableArray<PortLoadBalancing>>(TcpLoadBalancing, PortLists.TcpLoadBalancing)
                .Concat(reader.Parsed<EquatableArray<PortLoadBalancing>>(UdpLoadBalancing, PortLists.UdpLoadBalancing)).ToEquatableArray(),
        };
    }

    /// <summary>Reports ports in a Service's annotations that it does not have.</summary>
    public static void CheckPorts(FieldReader root, ServiceObject service)
    {
        if (root.Map("metadata")?.Map("annotations") is not { } reader) return;
        bool Has(TransportPort port) => port.Port == 0 || service.Ports.Any(p => port.Covers(p.Port, p.Protocol));
        void Check(string annotation, IEnumerable<TransportPort> ports)
        {
            foreach (TransportPort port in ports.Where(p => !Has(p))) reader.Fail(annotation, $"the Service has no port {port}");
        }
        Check(ProxyProtocol, service.Meta.ProxyProtocol.Ports);
        Check(AcceptProxyProtocol, service.Meta.TrustedProxies.SelectMany(t => t.Ports));
        Check(TcpLoadBalancing, service.Meta.LoadBalancing.Select(m => m.Port).Where(p => p.Protocol == TransportProtocol.Tcp));
        Check(UdpLoadBalancing, service.Meta.LoadBalancing.Select(m => m.Port).Where(p => p.Protocol == TransportProtocol.Udp));
    }
}
