namespace Culvert.Cli.Checks;

/// <summary>Whether what belongs to Culvert is installed together.</summary>
internal static class ProgramCheck
{
    public static IReadOnlyList<Finding> Run() =>
    [
        Exists(InstalledPrograms.Agent),
        Exists(InstalledPrograms.DatapathObject),
        .. Controller(InstalledPrograms.Controller),
    ];

    // The image of the agent does not contain the controller, and a node does not need it.
    private static IEnumerable<Finding> Controller(string path) => File.Exists(path) ? [Finding.Ok("installation", path)] : [];

    private static Finding Exists(string path) => File.Exists(path)
        ? Finding.Ok("installation", path)
        : Finding.Error("installation", $"{path} is missing", "run `make build`, or install the whole release folder");
}
