namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>A selector of entries. Immutable.</summary>
/// <param name="Type">Who attests it, as <c>k8s</c>.</param>
/// <param name="Value">What it has to be.</param>
internal sealed record SelectorTemplate(string Type, EntryTemplate Value)
{
    /// <summary>The pods of a service account, as SPIRE's agents attest them on Kubernetes.</summary>
    public static IReadOnlyList<string> Default { get; } = [$"k8s:ns:{{{EntryTemplate.Namespace}}}", $"k8s:sa:{{{EntryTemplate.ServiceAccount}}}"];
}
