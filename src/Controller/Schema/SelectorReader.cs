using System.Collections.Immutable;

namespace Culvert.Controller.Schema;

/// <summary>Reads <c>selector: {matchLabels: {...}}</c>. As in Kubernetes, no selector and an empty one (<c>{}</c>) select every workload of the namespace.</summary>
internal static class SelectorReader
{
    public static ImmutableSortedDictionary<string, string> Read(FieldReader spec)
    {
        if (spec.Map("selector") is not { } selector) return ImmutableSortedDictionary<string, string>.Empty;
        ImmutableSortedDictionary<string, string> labels = selector.Strings("matchLabels");
        selector.Done();
        return labels;
    }
}
