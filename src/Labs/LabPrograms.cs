namespace Culvert.Labs;

/// <summary>
/// The programs that labs start: those beside this one, or those in the folder that the environment variable <c>CULVERT_PROGRAMS</c> names, such as the native ones of
/// <c>make cli</c>.
/// </summary>
internal static class LabPrograms
{
    /// <summary>The folder.</summary>
    public static string Folder { get; } =
        Environment.GetEnvironmentVariable("CULVERT_PROGRAMS") is { Length: > 0 } folder ? Path.GetFullPath(folder) : AppContext.BaseDirectory;

    /// <summary>The agent.</summary>
    public static string Agent => Path.Combine(Folder, "culvert-agent");

    /// <summary>The controller.</summary>
    public static string Controller => Path.Combine(Folder, "culvert-controller");

    /// <summary>The command line.</summary>
    public static string Culvert => Path.Combine(Folder, "culvert");
}
