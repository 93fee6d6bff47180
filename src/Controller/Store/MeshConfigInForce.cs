using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>The settings that hold for the mesh, and why they do. Immutable.</summary>
/// <param name="State">Why.</param>
/// <param name="Settings">The settings.</param>
/// <param name="Place">Where the MeshConfig is, or was meant to be; empty when there was none.</param>
/// <param name="Line">Its line, from 1; 0 when none can be told.</param>
internal sealed record MeshConfigInForce(MeshConfigState State, MeshSettings Settings, string Place = "", int Line = 0)
{
    /// <summary>The line that the kept form of a closed mesh begins with, so that it is never taken for an object of the folder. A comment: to an older controller it is a MeshConfig that says the same.</summary>
    private const string ClosedMarker = "# culvert: closed until a MeshConfig is good";

    /// <summary>The namespaces of a cluster whose Workloads count, besides that of the mesh itself.</summary>
    public EquatableArray<string> WorkloadNamespaces { get; init; }

    /// <summary>Before anything was read.</summary>
    public static MeshConfigInForce Unknown { get; } = new(MeshConfigState.Unknown, new());

    /// <summary>Whether settings hold that nobody asked for and that let nothing through which no policy speaks of.</summary>
    public bool IsClosed => State is MeshConfigState.Closed or MeshConfigState.Unclear;

    /// <summary>Settings that let nothing through which no policy speaks of.</summary>
    /// <param name="trustDomain">The trust domain, as far as it is known: nodes that join under another would have to join again.</param>
    public static MeshSettings Closing(string trustDomain) => new()
    {
        TrustDomain = trustDomain,
        DefaultAction = DefaultAction.Deny,
        DefaultMtlsMode = MtlsMode.Strict,
        IcmpEcho = DefaultAction.Deny,
    };

    /// <summary>The form in which a closed mesh is kept on disk.</summary>
    public LastGoodObject ToKept() => new(Place, Line,
        $"{ClosedMarker}\napiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {{name: default}}\n"
        + $"spec: {{trustDomain: \"{Settings.TrustDomain}\", defaultAction: DENY, mtls: {{mode: STRICT}}, icmpEcho: DENY}}\n");

    /// <summary>Whether an object was kept by <see cref="ToKept"/>.</summary>
    public static bool IsClosedMesh(LastGoodObject kept) => kept.Text.StartsWith(ClosedMarker, StringComparison.Ordinal);
}
