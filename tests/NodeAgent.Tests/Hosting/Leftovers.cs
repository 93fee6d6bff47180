using Culvert.Interop.Netlink;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.Hosting;

/// <summary>What an agent that is gone could have left behind: descriptors and threads of this process, pins, and rules of the calling thread's network namespace.</summary>
internal sealed class Leftovers
{
    private const string ThreadPrefix = "thread ";
    private static readonly TimeSpan LongestExit = TimeSpan.FromSeconds(10);
    private readonly List<string> _all = OpenDescriptors.List();
    private readonly List<string> _kernels = [];

    /// <summary>What there is now.</summary>
    /// <param name="pins">The folder of pins.</param>
    internal Leftovers(string pins)
    {
        _all.AddRange(RunningThreads.Named("culvert-").Select(t => ThreadPrefix + t));
        if (Directory.Exists(pins)) _kernels.AddRange(Directory.GetFiles(pins, "*", SearchOption.AllDirectories));
        using (RouteNetlink netlink = RouteNetlink.Open()) _kernels.AddRange(netlink.GetRules().Select(r => $"rule {r}"));
        _all.AddRange(_kernels);
    }

    /// <summary>Fails when a pin or a rule of before is gone. Descriptors may be: those of other tests are closed whenever they are collected.</summary>
    /// <param name="pins">The folder of pins.</param>
    /// <param name="before">What there was.</param>
    internal static void AssertKept(string pins, Leftovers before) => Assert.Empty(before._kernels.Except(new Leftovers(pins)._kernels));

    private IReadOnlyList<string> Since(Leftovers before) => OpenDescriptors.Added(before._all, _all);

    /// <summary>Fails when there is anything now that was not before.</summary>
    /// <param name="pins">The folder of pins.</param>
    /// <param name="before">What there was.</param>
    internal static void AssertNone(string pins, Leftovers before)
    {
        IReadOnlyList<string> added = [];

        // The kernel lists a thread for a moment after it was joined; nothing else may take its time.
        SpinWait.SpinUntil(() => !(added = new Leftovers(pins).Since(before)).Any() || added.Any(a => !a.StartsWith(ThreadPrefix, StringComparison.Ordinal)), LongestExit);
        Assert.Empty(added);
    }
}
