using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>What has to be compiled anew.</summary>
internal sealed class DirtyResources
{
    public HashSet<NamespacedName> Workloads { get; } = [];

    /// <summary>Services whose own backends, ports or wishes may have changed.</summary>
    public HashSet<NamespacedName> Services { get; } = [];

    /// <summary>Services of which only the routes may have changed.</summary>
    public HashSet<NamespacedName> RoutedServices { get; } = [];

    /// <summary>Nodes whose zone may be another.</summary>
    public HashSet<string> Zones { get; } = new(StringComparer.Ordinal);

    public HashSet<NamespacedName> Policies { get; } = [];

    /// <summary>TrafficTargets whose policy may have changed.</summary>
    public HashSet<NamespacedName> TrafficTargets { get; } = [];

    /// <summary>Limits of rates, by the names of their policies.</summary>
    public HashSet<NamespacedName> RateLimits { get; } = [];

    public HashSet<NamespacedName> NetworkPolicies { get; } = [];

    public HashSet<NamespacedName> RequestAuthentications { get; } = [];

    public HashSet<HttpRouteKey> HttpRoutes { get; } = [];
}
