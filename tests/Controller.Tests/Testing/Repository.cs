namespace Culvert.Controller.Tests;

/// <summary>Finds files of the repository.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (DirectoryInfo? d = new(AppContext.BaseDirectory); d is not null; d = d.Parent)
        {
            if (File.Exists(Path.Combine(d.FullName, "Culvert.slnx"))) return d.FullName;
        }
        throw new InvalidOperationException("Culvert.slnx was not found above the test binary.");
    }
}
