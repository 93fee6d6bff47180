using Culvert.Core;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>The objects that the series of a family are about, by the names of its labels. Immutable.</summary>
internal sealed class SeriesSubjects
{
    private const string Unknown = "unknown", Other = "other";

    // What their labels begin with.
    private static readonly string[] Ends = ["source", "destination"], Services = ["service", "backend"];

    private readonly (int Name, int Namespace, int Principal)[] _workloads;
    private readonly (int Name, int Namespace)[] _services;
    private readonly (int Name, int Namespace, int Kind) _route;
    private readonly int _policy;
    private readonly int _issuer;
    private readonly int _authorizer;

    /// <param name="labelNames">The names of the family's labels.</param>
    internal SeriesSubjects(string[] labelNames)
    {
        int At(string name) => Array.IndexOf(labelNames, name);
        _workloads = [.. Ends.Select(end => (At($"{end}_workload"), At($"{end}_workload_namespace"), At($"{end}_principal"))).Where(w => w.Item1 >= 0)];
        _services = [.. Services.Select(s => (At(s), At($"{s}_namespace"))).Where(s => s.Item1 >= 0)];
        _route = (At("route"), At("route_namespace"), At("route_kind"));
        _policy = At("policy");
        _issuer = At("issuer");
        _authorizer = At("authorizer");
        IsFixed = _workloads.Length == 0 && _services.Length == 0 && _route.Name < 0 && _policy < 0 && _issuer < 0 && _authorizer < 0;
    }

    /// <summary>Whether the series are about nothing that comes and goes. Such series stay.</summary>
    internal bool IsFixed { get; }

    /// <summary>Whether every object that the labels name exists. An object of which the snapshot does not tell counts as gone: an authorizer, and a peer with an identity and without a workload.</summary>
    internal bool Exist(string[] labels, IMeshSubjects mesh)
    {
        foreach ((int name, int ns, int principal) in _workloads)
        {
            if (IsName(labels[name]) ? !mesh.HasWorkload(new NamespacedName(labels[ns], labels[name])) : principal >= 0 && IsName(labels[principal])) return false;
        }

        foreach ((int name, int ns) in _services)
        {
            if (IsName(labels[name]) && !mesh.HasService(new NamespacedName(labels[ns], labels[name]))) return false;
        }

        if (_route.Name >= 0 && IsName(labels[_route.Name]))
        {
            NamespacedName route = new(labels[_route.Namespace], labels[_route.Name]);
            if (!(labels[_route.Kind] == "Service" ? mesh.HasService(route) : mesh.HasRoute(route))) return false;
        }

        if (_policy >= 0 && IsName(labels[_policy]) && !mesh.HasPolicy(labels[_policy])) return false;
        if (_issuer >= 0 && IsName(labels[_issuer]) && !mesh.HasIssuer(labels[_issuer])) return false;
        return _authorizer < 0 || !IsName(labels[_authorizer]);
    }

    private static bool IsName(string label) => label is not ("" or Unknown or Other);
}
