namespace Culvert.Cli.Checks;

/// <summary>Whether what belongs to Culvert is installed together.</summary>
internal static class ProgramCheck
{
    /// <param name="folder">The folder of this program, which the others share.</param>
    public static IReadOnlyList<Finding> Run(string folder) =>
    [
        Exists(Path.Combine(folder, "culvert-agent")),
        Exists(Path.Combine(folder, "bpf", "tc.bpf.o")),
        .. Controller(Path.Combine(folder, "culvert-controller")),
    ];

    private static Finding Exists(string path) => File.Exists(path)
        ? Finding.Ok("installation", path)
        : Finding.Error("installation", $"{path} is missing", "run `make build`, or install the whole release folder");

    // The image of the agent does not contain the controller, and a node does not need it.
    private static IEnumerable<Finding> Controller(string path) => File.Exists(path) ? [Finding.Ok("installation", path)] : [];
}
