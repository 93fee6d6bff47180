using System.Collections.Immutable;

namespace Culvert.Controller.Schema;

/// <summary>Reads <c>selector: {matchLabels: {...}}</c>.</summary>
internal static class SelectorReader
{
    public static ImmutableSortedDictionary<string, string> Read(FieldReader spec)
    {
        if (spec.Map("selector") is not { } selector) return ImmutableSortedDictionary<string, string>.Empty;
        ImmutableSortedDictionary<string, string> labels = selector.Strings("matchLabels");
        if (labels.IsEmpty) selector.Fail("matchLabels", "must hold a label; leave the selector out to select every workload");
        selector.Done();
        return labels;
    }
}
