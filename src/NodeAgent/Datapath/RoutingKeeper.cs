using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath.Inside;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Telemetry.Metrics;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Keeps the agent's rules, routes and nft table: what another program removes is put back at once, logged and counted. Without them captured packets find no way to the
/// proxy, so that the agent is not ready while they can't be put back.
/// </summary>
internal sealed class RoutingKeeper(CaptureRoutes routes, CaptureNat nat, PodCapture inside, HealthState health, CounterFamily restored, ILogger logger)
{
    /// <summary>What blocks readiness while rules or routes are missing.</summary>
    internal const string Part = "routing";

    /// <summary>The longest time between two looks: finds what no change tells of, and tries again what the kernel refused.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    /// <summary>Puts back what is missing.</summary>
    internal void Look()
    {
        try
        {
            IReadOnlyList<string> made = [.. routes.Ensure(), .. nat.Ensure(), .. inside.EnsureRoutes()];
            health.Clear(Part);
            if (made.Count == 0) return;
            restored.With().Add(made.Count);
            DatapathLog.RoutingRestored(logger, string.Join("; ", made));
        }
        catch (NetlinkException e)
        {
            health.Block(Part, $"rules or routes of captured packets are missing and can't be put back: {e.Message}");
            DatapathLog.RoutingNotRestored(logger, e.Message, Interval.TotalSeconds);
        }
    }
}
