using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>The kinds of the project's own group.</summary>
internal static class CustomResourceTable
{
    /// <summary>The API group.</summary>
    public const string Group = "culvert.dev";

    /// <summary>The version that is served and stored.</summary>
    public const string Version = "v1alpha1";

    /// <summary>All kinds, by name.</summary>
    public static EquatableArray<CustomResource> All { get; } =
    [
        AuthorizationPolicySchema.Resource, MeshConfigSchema.Resource, PeerAuthenticationSchema.Resource, RateLimitSchema.Resource, RequestAuthenticationSchema.Resource, TrafficPolicySchema.Resource, WorkloadSchema.Resource,
    ];

    /// <summary>The group with the version, as objects have it.</summary>
    public static string ApiVersion => $"{Group}/{Version}";

    /// <summary>The columns that all kinds have, behind their own.</summary>
    public static EquatableArray<PrinterColumn> CommonColumns { get; } =
    [
        new("Accepted", "string", """.status.conditions[?(@.type=="Accepted")].status"""),
        new("Programmed", "string", """.status.conditions[?(@.type=="Programmed")].status"""),
        new("Reason", "string", """.status.conditions[?(@.type=="Accepted")].reason""", IsWide: true),
        new("Age", "date", ".metadata.creationTimestamp"),
    ];

    /// <summary>A kind by its name; null when it is none of the group's.</summary>
    public static CustomResource? Find(string kind) => All.FirstOrDefault(r => r.Kind == kind);
}
