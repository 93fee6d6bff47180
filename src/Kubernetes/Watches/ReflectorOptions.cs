namespace Culvert.Kubernetes.Watches;

/// <summary>How objects are kept up to date.</summary>
public sealed record ReflectorOptions
{
    /// <summary>Namespace; empty for all.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>Labels of the objects, as kubectl writes it; null for any.</summary>
    public string? LabelSelector { get; init; }

    /// <summary>Fields of the objects; null for any.</summary>
    public string? FieldSelector { get; init; }

    /// <summary>Most objects of a page of the list.</summary>
    public int PageSize { get; init; } = 500;

    /// <summary>How long a watch lasts at least; it lasts up to twice as long, at random, so that those of many clients don't end together.</summary>
    public TimeSpan WatchTime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Whether objects are listed anew whenever a watch ends. For custom kinds: when a definition is replaced, the server ends watches a moment later, and what they tell until then lacks the fields that are new, also where the object has
    /// them. A watch that went on from there would never tell of them.
    /// </summary>
    public bool ListsAnew { get; init; }

    /// <summary>Wait after a first failure.</summary>
    public TimeSpan FirstBackoff { get; init; } = TimeSpan.FromMilliseconds(800);

    /// <summary>Longest wait after failures.</summary>
    public TimeSpan LongestBackoff { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Shared by those that watch the same server: when one that had failed watches again, the others that wait after a failure try at once, and begin with the first wait again. A wait that the server has asked for is kept.
    /// Copies of these options share it.
    /// </summary>
    public ServerReturn Return { get; init; } = new();
}
