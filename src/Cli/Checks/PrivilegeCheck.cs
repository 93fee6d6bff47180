using Culvert.NodeAgent.Hosting;

namespace Culvert.Cli.Checks;

/// <summary>Whether this process may do what the agent does: the capabilities count, as for the agent itself, and not the user.</summary>
internal static class PrivilegeCheck
{
    /// <summary>What to do about a privilege that is missing.</summary>
    public const string Remedy = "run as root, or grant CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN";

    public static IReadOnlyList<Finding> Run() => [Evaluate(Capabilities.Missing())];

    /// <summary>Evaluates what is missing.</summary>
    internal static Finding Evaluate(IReadOnlyList<string> missing) => missing.Count == 0
        ? Finding.Ok("privileges", "this process has the capabilities that the agent needs")
        : Finding.Error("privileges", $"this process lacks {string.Join(" and ", missing)}", Remedy);
}
