namespace Culvert.Interop.Tests.Support;

/// <summary>Where the sources are.</summary>
internal static class Repository
{
    internal static string Root { get; } = Find();

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
