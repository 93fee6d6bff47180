namespace Culvert.Kubernetes.Client;

/// <summary>How something is applied.</summary>
public sealed record ApplyOptions
{
    /// <param name="fieldManager">Who wants the fields: one name for one purpose, always the same.</param>
    public ApplyOptions(string fieldManager)
    {
        ArgumentException.ThrowIfNullOrEmpty(fieldManager);
        FieldManager = fieldManager;
    }

    /// <summary>Who wants the fields.</summary>
    public string FieldManager { get; }

    /// <summary>Whether fields are taken from others that own them; without it that is a conflict, whose causes name them.</summary>
    public bool Force { get; init; }

    /// <summary>Whether the server only says what would become of it.</summary>
    public bool DryRun { get; init; }

    /// <summary>The part that is applied, e.g. <c>status</c>; null for the object.</summary>
    public string? Subresource { get; init; }
}
