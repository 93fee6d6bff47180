namespace Culvert.Tests.Shared;

/// <summary>Finds files of the repository. Compiled into the projects whose tests read sources, samples or documents.</summary>
internal static class Repository
{
    /// <summary>Its folder.</summary>
    /// <exception cref="TypeInitializationException">The tests do not run from below it.</exception>
    internal static string Root { get; } = Find();

    /// <summary>The full path of a file or folder.</summary>
    /// <param name="relative">Its path from the root.</param>
    internal static string PathOf(string relative) => Path.Combine(Root, relative);

    private static string Find()
    {
        for (DirectoryInfo? d = new(AppContext.BaseDirectory); d is not null; d = d.Parent)
        {
            if (File.Exists(Path.Combine(d.FullName, "Culvert.slnx"))) return d.FullName;
        }
        throw new InvalidOperationException("Culvert.slnx was not found above the test binary.");
    }
}
