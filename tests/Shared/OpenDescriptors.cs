namespace Culvert.Tests.Shared;

/// <summary>What this process has open.</summary>
internal static class OpenDescriptors
{
    /// <summary>What each descriptor leads to, but for code, which is opened when it is needed and stays.</summary>
    public static List<string> List()
    {
        List<string> targets = [];
        foreach (string descriptor in Directory.GetFiles("/proc/self/fd"))
        {
            // Not the one that the list itself is read by.
            if (new FileInfo(descriptor).LinkTarget is { } target && !target.EndsWith("/fd", StringComparison.Ordinal) && !target.EndsWith(".dll", StringComparison.Ordinal)) targets.Add(target);
        }
        return targets;
    }

    /// <summary>What is in a list more often than in one from before.</summary>
    public static List<string> Added(IEnumerable<string> before, IEnumerable<string> now)
    {
        List<string> added = [.. now];
        foreach (string known in before) added.Remove(known);
        return added;
    }
}
