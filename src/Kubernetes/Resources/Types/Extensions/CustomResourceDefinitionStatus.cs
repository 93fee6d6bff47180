namespace Culvert.Kubernetes.Resources;

/// <summary>What has become of a custom kind.</summary>
public sealed record CustomResourceDefinitionStatus
{
    /// <summary>Established, NamesAccepted and others.</summary>
    public IReadOnlyList<Condition> Conditions { get; init => field = value ?? []; } = [];

    /// <summary>Versions that objects may be stored in.</summary>
    public IReadOnlyList<string> StoredVersions { get; init => field = value ?? []; } = [];
}
