using System.Globalization;

namespace Culvert.Hosting;

/// <summary>What is said of the descriptors that a process may have (RLIMIT_NOFILE). Compiled into the agent and the controller.</summary>
internal static class DescriptorLimit
{
    /// <summary>As many as a busy node wants; with fewer, its agent refuses connections that it could serve.</summary>
    internal const int Recommended = 65_536;

    /// <summary>What to do when there are too few.</summary>
    internal static string Remedy { get; } = string.Create(
        CultureInfo.InvariantCulture, $"raise the limit: `ulimit -n {Recommended}`, LimitNOFILE= of a service, default-ulimit of the container runtime");

    /// <summary>Why a program can't work with so many; null: it can.</summary>
    /// <param name="limit">How many the process may have.</param>
    /// <param name="fewest">The fewest that it works with.</param>
    /// <param name="program">What it is called.</param>
    internal static string? Shortage(long limit, int fewest, string program) =>
        limit >= fewest ? null : string.Create(CultureInfo.InvariantCulture, $"this process may have {limit} descriptors, and the {program} needs {fewest}");
}
