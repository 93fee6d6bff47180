using Culvert.Controller.Objects;
using Culvert.Controller.Schema;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>A kind that a cluster need not have: one of other meshes, or of the Gateway API.</summary>
/// <param name="Kind">The same in the controller.</param>
/// <param name="Group">API group.</param>
/// <param name="Plural">Name in paths.</param>
/// <param name="Name">Name in documents.</param>
/// <param name="Versions">Those that can be read, the one that is preferred first.</param>
internal sealed record OptionalKind(ObjectKind Kind, string Group, string Plural, string Name, params IReadOnlyList<string> Versions)
{
    private const string Gateway = "gateway.networking.k8s.io", Split = "split.smi-spec.io", Access = "access.smi-spec.io", Specs = "specs.smi-spec.io", Nginx = "specs.smi.nginx.com";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<OptionalKind> All { get; } =
    [
        new(ObjectKind.TCPRoute, Gateway, "tcproutes", "TCPRoute", "v1", "v1alpha2"),
        new(ObjectKind.UDPRoute, Gateway, "udproutes", "UDPRoute", "v1", "v1alpha2"),
        new(ObjectKind.HTTPRoute, Gateway, "httproutes", "HTTPRoute", "v1", "v1beta1"),
        new(ObjectKind.GRPCRoute, Gateway, "grpcroutes", "GRPCRoute", "v1"),
        new(ObjectKind.TrafficSplit, Split, "trafficsplits", "TrafficSplit", "v1alpha4", "v1alpha3", "v1alpha2"),
        new(ObjectKind.TrafficTarget, Access, "traffictargets", "TrafficTarget", "v1alpha3", "v1alpha2"),
        new(ObjectKind.SmiTCPRoute, Specs, "tcproutes", "TCPRoute", "v1alpha4", "v1alpha3", "v1alpha2", "v1alpha1"),
        new(ObjectKind.SmiUDPRoute, Specs, "udproutes", "UDPRoute", "v1alpha4"),
        new(ObjectKind.HTTPRouteGroup, Specs, "httproutegroups", "HTTPRouteGroup", "v1alpha4", "v1alpha3", "v1alpha2", "v1alpha1"),
        new(ObjectKind.NginxRateLimit, Nginx, "ratelimits", "RateLimit", "v1alpha2", "v1alpha1"),
        new(ObjectKind.CircuitBreaker, Nginx, "circuitbreakers", "CircuitBreaker", "v1alpha1"),
        .. UnsupportedKind.All.Select(k => new OptionalKind(k.Kind, k.Group, k.Plural, k.Kind.ToString(), [.. k.Versions]) { Counts = false }),
    ];

    /// <summary>Whether its objects can come into force. Of the others it is told that they do not, and nothing waits for that.</summary>
    public bool Counts { get; private init; } = true;

    /// <summary>Whether what its objects select is closed by them: without having read them the mesh would be open.</summary>
    public bool Closes => Kind == ObjectKind.TrafficTarget;

    /// <summary>The name of its definition, which is also what roles call it: <c>plural.group</c>.</summary>
    public string FullName => $"{Plural}.{Group}";

    /// <summary>It, in one of its versions.</summary>
    public ApiKind In(string version) => new(Kind, new(Group, version, Plural, Name, ApiJson.Default.ApiDocument)) { IsCustom = true, Status = Group == Gateway ? StatusForm.Parents : StatusForm.None };
}
