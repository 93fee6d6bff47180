using System.Collections.Immutable;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath.Firewall;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Has the kernel send new direct flows by the path that the mesh's settings and the node's own rules allow: straight into the other pod only while nothing is there that this would pass by.
/// Thread-safe.
/// </summary>
internal sealed class DirectPathKeeper(GenerationWriter writer, FirewallReader firewall, RouteNetlink netlink, CniConfiguration cni, ILogger logger)
{
    /// <summary>The longest time between two looks, for rules of iptables-legacy and the CNI's configuration: of these nobody tells.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly Lock _looking = new();
    private MeshSettings? _settings;
    private ImmutableArray<DirectPathReason> _found = [new(DirectPathReasonKind.Firewall, "the node's rules have not been read yet")];
    private volatile DirectPathInForce _current = new(false, []);

    /// <summary>What is in force.</summary>
    internal DirectPathInForce Current => _current;

    /// <summary>Puts the settings of a snapshot into force.</summary>
    internal void Use(MeshSettings settings)
    {
        lock (_lock)
        {
            _settings = settings;
            Decide();
        }
    }

    /// <summary>Looks at the node's rules and puts what comes of it into force.</summary>
    internal void Look()
    {
        lock (_looking)
        {
            ImmutableArray<DirectPathReason> found =
                [.. firewall.Read().Select(r => new DirectPathReason(DirectPathReasonKind.Firewall, r)), .. Rules(), .. cni.Reasons().Take(FirewallEvaluator.MaxReasons).Select(r => new DirectPathReason(DirectPathReasonKind.Cni, r))];
            lock (_lock)
            {
                _found = found;
                Decide();
            }
        }
    }

    private IEnumerable<DirectPathReason> Rules()
    {
        try
        {
            return [.. netlink.GetRuleInputs().Where(r => r.Interface != "lo").Take(FirewallEvaluator.MaxReasons).Select(r => new DirectPathReason(DirectPathReasonKind.RoutingRule, $"rule {r.Priority} is for what comes in by {r.Interface}"))];
        }
        catch (NetlinkException e)
        {
            return [new(DirectPathReasonKind.RoutingRule, $"routing rules can't be read: {e.Message}")];
        }
    }

    private void Decide()
    {
        if (_settings is null) return;
        DirectPathInForce next = DirectPathInForce.Of(_settings, _found);
        writer.SetDirect(next.IsRedirect ? CvDirect.Redirect : CvDirect.HostStack);
        if (next.IsRedirect != _current.IsRedirect || !next.Reasons.SequenceEqual(_current.Reasons)) DatapathLog.DirectPath(logger, next.IsRedirect ? "straight into the other pod" : "by the node's own forwarding", string.Join("; ", next.Reasons.Select(r => r.Text)));
        _current = next;
    }
}
