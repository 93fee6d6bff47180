namespace Culvert.Cli;

/// <summary>Where the other programs of the same installation are: beside this one.</summary>
internal static class InstalledPrograms
{
    public static string Agent => Beside("culvert-agent");

    public static string Controller => Beside("culvert-controller");

    public static string DatapathObject => Beside(Path.Combine("bpf", "tc.bpf.o"));

    private static string Beside(string name) => Path.Combine(AppContext.BaseDirectory, name);
}
