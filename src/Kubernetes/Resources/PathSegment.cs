namespace Culvert.Kubernetes.Resources;

/// <summary>Keeps names that come from elsewhere from becoming another path.</summary>
internal static class PathSegment
{
    // Names of roles and of some custom objects have colons; no valid one has what would end a segment.
    private const int Longest = 253;

    public static string Check(string value, string parameter)
    {
        ArgumentException.ThrowIfNullOrEmpty(value, parameter);
        bool good = value.Length <= Longest && value is not ("." or "..") && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or ':');
        return good ? value : throw new ArgumentException($"'{(value.Length <= Longest ? value : value[..Longest])}' is no name of an API object", parameter);
    }
}
