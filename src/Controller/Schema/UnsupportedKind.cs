using Culvert.Controller.Objects;

namespace Culvert.Controller.Schema;

/// <summary>
/// A kind of the Gateway API or of another mesh that is known by name only: whoever declares one is told that it does not count, and what does. To support one is to take its line away here and to give it
/// one in <see cref="ObjectReader"/> and in <c>OptionalKind</c>.
/// </summary>
/// <param name="Kind">The same in the controller.</param>
/// <param name="Group">API group.</param>
/// <param name="Plural">Name in paths.</param>
/// <param name="Reason">Why it does not count, and what holds in its place.</param>
/// <param name="Versions">Those that there are, the newest first. All that is read of them is the same in each.</param>
internal sealed record UnsupportedKind(ObjectKind Kind, string Group, string Plural, string Reason, params IReadOnlyList<string> Versions)
{
    private const string Gateway = "gateway.networking.k8s.io";

    private const string RoutesHold = "connections to its Services go on as they do without it, and TCPRoute and UDPRoute divide them by weight";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<UnsupportedKind> All { get; } =
    [
        new(ObjectKind.TLSRoute, Gateway, "tlsroutes", $"the mesh does not look for the name that a TLS connection asks for; {RoutesHold}", "v1", "v1alpha3", "v1alpha2"),
    ];

    /// <summary>The one of a document; null where it is none of these.</summary>
    /// <param name="apiVersion">As the document says.</param>
    /// <param name="kind">As the document says.</param>
    public static UnsupportedKind? Find(string apiVersion, string kind) => All.FirstOrDefault(k => k.Kind.ToString() == kind && k.Versions.Any(v => $"{k.Group}/{v}" == apiVersion));

    /// <summary>Reads an object of it: there is none, whatever it holds.</summary>
    public MeshObject? Read(FieldReader root, ObjectMeta meta)
    {
        root.Fail("kind", $"{Kind} is not supported: {Reason}");
        root.Ignore("spec");
        return null;
    }
}
