namespace Culvert.Cni;

/// <summary>The versions of the CNI specification that are spoken here.</summary>
public static class CniVersions
{
    /// <summary>All of them, oldest first.</summary>
    public static IReadOnlyList<string> Supported { get; } = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

    /// <summary>The newest.</summary>
    public static string Newest => Supported[^1];

    /// <summary>Whether a version is one of them.</summary>
    public static bool IsSupported(string? version) => version is not null && Supported.Contains(version, StringComparer.Ordinal);

    /// <summary>Whether a version, one of <see cref="Supported"/>, is another or newer than it.</summary>
    public static bool IsAtLeast(string version, string other) => IndexOf(version) >= IndexOf(other);

    /// <summary>The version that a command came with.</summary>
    public static string Since(CniCommand command) => command switch
    {
        CniCommand.Check => "0.4.0",
        CniCommand.Status or CniCommand.Gc => "1.1.0",
        _ => Supported[0],
    };

    private static int IndexOf(string version)
    {
        for (int i = 0; i < Supported.Count; i++)
        {
            if (Supported[i] == version) return i;
        }
        throw new ArgumentException($"{version} is not supported", nameof(version));
    }
}
