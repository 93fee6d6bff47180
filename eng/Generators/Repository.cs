namespace Culvert.Generators;

/// <summary>Finds the top of the sources.</summary>
internal static class Repository
{
    internal static string Find()
    {
        foreach (string start in new[] { Environment.CurrentDirectory, AppContext.BaseDirectory })
        {
            for (DirectoryInfo? d = new(start); d is not null; d = d.Parent)
            {
                if (File.Exists(Path.Combine(d.FullName, "Culvert.slnx"))) return d.FullName;
            }
        }
        throw new GeneratorException("Culvert.slnx was not found above the working directory");
    }
}
