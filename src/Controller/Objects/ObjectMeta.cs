using System.Collections.Immutable;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>Name, labels and origin of an object.</summary>
internal sealed record ObjectMeta
{
    public required string Name { get; init; }

    public string Namespace { get; init; } = "";

    public ImmutableSortedDictionary<string, string> Labels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Share given by the annotation <c>culvert.dev/weight</c>: 0..65535.</summary>
    public ushort Weight { get; init; } = 1;

    /// <summary>What the annotation <c>culvert.dev/proxy-protocol</c> says, in ports of the workload or of the service.</summary>
    public ProxyProtocolRequest ProxyProtocol { get; init; }

    /// <summary>What the annotation <c>culvert.dev/accept-proxy-protocol</c> says, in ports of the workload or of the service.</summary>
    public EquatableArray<TrustedProxies> TrustedProxies { get; init; }

    /// <summary>What the annotations <c>culvert.dev/tcp-load-balancing</c> and <c>culvert.dev/udp-load-balancing</c> of a Service say.</summary>
    public EquatableArray<PortLoadBalancing> LoadBalancing { get; init; }

    /// <summary>What the annotation <c>config.nsm.nginx.com/mtls-mode</c> of a Workload says; null: nothing.</summary>
    public MtlsMode? NginxMtlsMode { get; init; }

    /// <summary>What the annotation <c>config.nsm.nginx.com/ignore-incoming-ports</c> of a Workload says, in ascending order.</summary>
    public EquatableArray<ushort> ExcludedPorts { get; init; }

    /// <summary>Where it was declared.</summary>
    public required ObjectOrigin Origin { get; init; }

    public NamespacedName FullName => new(Namespace, Name);

    public string SourceReference => Origin.ToString();

    /// <summary>Whether all labels of a selector are there.</summary>
    public static bool Matches(ImmutableSortedDictionary<string, string> selector, ImmutableSortedDictionary<string, string> labels) =>
        selector.All(pair => labels.TryGetValue(pair.Key, out string? value) && value == pair.Value);
}
