using System.Collections.Frozen;

namespace Culvert.Core;

/// <summary>Fields of requests whose values are secrets, so that no log has them whatever is asked for.</summary>
public static class SecretHeaders
{
    private static readonly FrozenSet<string> Names = FrozenSet.ToFrozenSet(
        ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token", "x-csrf-token", "x-xsrf-token", "x-amz-security-token"], StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a field is one of them.</summary>
    /// <param name="name">Its name, in any case.</param>
    public static bool Contains(string name) => Names.Contains(name);
}
