using System.Text.RegularExpressions;
using Culvert.Interop;

namespace Culvert.NodeAgent.Datapath.Inside;

/// <summary>
/// Which pod a process is part of, by the control group that its kubelet has put it into. A pod can't leave that: whatever groups it makes are below its own, so the outermost name counts, also where the agent has a
/// cgroup namespace of its own and sees paths that lead up first. Safe for any number of threads.
/// </summary>
/// <remarks>
/// The kubelet's drivers name it <c>…/pod2af1f6a2-…</c> (cgroupfs) and <c>…-pod2af1f6a2_….slice</c> (systemd). Of a pod that the kubelet has from a file the uid is a hash of 32 digits, which the
/// controller takes from its mirror at the API server.
/// </remarks>
internal static partial class PodCgroup
{
    /// <summary>The uid of the pod that a process is part of; null: of none, or it has ended.</summary>
    /// <param name="process">Its folder in <c>/proc</c>.</param>
    /// <exception cref="IOException">There is no memory or descriptor to look with.</exception>
    internal static string? PodOf(string process)
    {
        try
        {
            return Parse(File.ReadAllText($"{process}/cgroup"));
        }
        catch (Exception e) when (e is UnauthorizedAccessException || (e is IOException io && !ResourceShortage.Is(io)))
        {
            return null; // it has ended, or is not for us to look at
        }
    }

    /// <summary>The uid of the pod in the text of a <c>/proc/PID/cgroup</c>; null: there is none.</summary>
    internal static string? Parse(string text) => PodName().Match(text) is { Success: true } match ? match.Groups["uid"].Value.Replace('_', '-') : null;

    [GeneratedRegex("/([^/\n]*-)?pod(?<uid>[0-9a-f]{8}([-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})([.]slice)?(/|\n|$)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex PodName();
}
