namespace Culvert.Kubernetes.Client;

/// <summary>Which objects are listed.</summary>
public record ListOptions
{
    /// <summary>Namespace; empty for all.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>Labels that they have, as kubectl writes it; null for any.</summary>
    public string? LabelSelector { get; init; }

    /// <summary>Fields that they have, e.g. <c>spec.nodeName=n1</c>; null for any.</summary>
    public string? FieldSelector { get; init; }

    /// <summary>Most objects of a page; 0 for all at once.</summary>
    public int Limit { get; init; } = 500;

    /// <summary>Where the last page ended; null for the first.</summary>
    public string? Continue { get; init; }

    /// <summary>How old the list may be: null for the newest state, <c>0</c> for whatever the server has at hand, which may be older than what was seen before.</summary>
    public string? ResourceVersion { get; init; }
}
