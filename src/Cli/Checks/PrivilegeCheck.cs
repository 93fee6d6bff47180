namespace Culvert.Cli.Checks;

/// <summary>Whether this process may do what the agent does.</summary>
internal static class PrivilegeCheck
{
    public static IReadOnlyList<Finding> Run() =>
    [
        Environment.IsPrivilegedProcess
            ? Finding.Ok("privileges", "running as root")
            : Finding.Error("privileges", $"running as {Environment.UserName}, not as root", "run with sudo"),
    ];
}
