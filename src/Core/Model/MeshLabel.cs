using System.Collections.Immutable;

namespace Culvert.Core;

/// <summary>The label that takes pods into the mesh or leaves them out, of a pod or of its namespace; the pod's counts more.</summary>
public static class MeshLabel
{
    /// <summary>Its key.</summary>
    public const string Key = "culvert.dev/mesh";

    /// <summary>Its value for what is in the mesh.</summary>
    public const string Enabled = "enabled";

    /// <summary>Its value for what is not.</summary>
    public const string Disabled = "disabled";

    private const string Former = "culvert.dev/enrolled", Prefix = "culvert.dev/";

    /// <summary>
    /// What it says; null where it is not there. A value that is not understood says that the pod, or the namespace's pods, are in the mesh: whoever wrote it meant something, all controllers have to take it for the same, and
    /// what was guarded is not to be opened by a slip.
    /// </summary>
    /// <param name="labels">All labels of the object.</param>
    public static bool? Read(ImmutableSortedDictionary<string, string> labels) =>
        (labels ?? throw new ArgumentNullException(nameof(labels))).TryGetValue(Key, out string? value) ? value != Disabled : null;

    /// <summary>What is wrong with its value; null where nothing is, or it is not there.</summary>
    /// <param name="labels">All labels of the object.</param>
    public static string? Check(ImmutableSortedDictionary<string, string> labels) =>
        (labels ?? throw new ArgumentNullException(nameof(labels))).TryGetValue(Key, out string? value) && value is not (Enabled or Disabled) ? $"label {Key} is '{value}'; {Enabled} or {Disabled} is allowed" : null;

    /// <summary>What is to be said of others that look like it and count for nothing: one line for each.</summary>
    /// <param name="labels">All labels of the object.</param>
    public static IEnumerable<string> CheckOthers(ImmutableSortedDictionary<string, string> labels) =>
        (labels ?? throw new ArgumentNullException(nameof(labels))).Keys.Where(k => k != Key && k.StartsWith(Prefix, StringComparison.Ordinal)).Select(k =>
            k == Former ? $"label {Former} means nothing any more; write {Key}: {Enabled} or {Disabled}" : $"label {k} means nothing; the one that takes pods into the mesh or leaves them out is {Key}");
}
