using System.Collections.ObjectModel;

namespace Culvert.Kubernetes.Resources;

/// <summary>Empty collections that records share.</summary>
internal static class Empty
{
    public static readonly IReadOnlyDictionary<string, string> Strings = ReadOnlyDictionary<string, string>.Empty;

    public static readonly IReadOnlyDictionary<string, byte[]> Bytes = ReadOnlyDictionary<string, byte[]>.Empty;
}
