namespace Culvert.Kubernetes.Client;

/// <summary>How something is written.</summary>
public record WriteOptions
{
    /// <summary>Who owns the fields that are written; null for what the server makes of the user agent.</summary>
    public string? FieldManager { get; init; }

    /// <summary>Whether the server only says what would become of it.</summary>
    public bool DryRun { get; init; }
}
