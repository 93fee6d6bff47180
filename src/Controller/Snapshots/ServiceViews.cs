using Culvert.Core;

namespace Culvert.Controller.Snapshots;

/// <summary>What of a service is whose to know: of one that is local to nodes, its backends on the own node, and nobody on which node a backend is.</summary>
internal static class ServiceViews
{
    /// <summary>What every node is told that has no view of its own.</summary>
    public static ServiceInfo Shared(this ServiceInfo service) => service.WithBackends(_ => !service.IsNodeLocal);

    /// <summary>What a node is told.</summary>
    public static ServiceInfo For(this ServiceInfo service, string node) => service.WithBackends(b => !service.IsNodeLocal || b.Node == node);

    /// <summary>The nodes that are told something else than <see cref="Shared"/>: none unless the service is local to nodes.</summary>
    public static IEnumerable<string> NodesWithOwnView(this ServiceInfo service) => service.IsNodeLocal ? service.Ports.SelectMany(p => p.Backends).Select(b => b.Node).OfType<string>().Distinct() : [];

    private static ServiceInfo WithBackends(this ServiceInfo service, Func<ServiceBackend, bool> wanted) =>
        service with { Ports = service.Ports.Select(p => p with { Backends = p.Backends.Where(wanted).Select(b => b with { Node = null }).ToEquatableArray() }).ToEquatableArray() };
}
