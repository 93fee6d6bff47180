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

    /// <summary>What is wrong with it, or with another that may be meant to be it; null where nothing is.</summary>
    /// <param name="labels">All labels of the object.</param>
    public static string? Check(ImmutableSortedDictionary<string, string> labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        string[] wrong = [.. labels.Where(l => l.Key.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)).Select(l => Check(l.Key, l.Value)).OfType<string>()];
        return wrong.Length > 0 ? string.Join("; ", wrong) : null;
    }

    private static string? Check(string key, string value) => key switch
    {
        Key => value is Enabled or Disabled ? null : $"label {Key} is '{value}'; {Enabled} or {Disabled} is allowed",
        Former => $"label {Former} means nothing any more; write {Key}: {Enabled} or {Disabled}",
        _ => $"label {key} means nothing; the one that takes pods into the mesh or leaves them out is {Key}",
    };
}
