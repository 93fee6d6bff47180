using System.Collections.Immutable;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath.Firewall;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Has the kernel send new direct flows by the path that the mesh's settings and the node's own rules allow: straight into the other pod only while nothing is there that this would pass by.
/// Thread-safe.
/// </summary>
internal sealed class DirectPathKeeper(GenerationWriter writer, FirewallReader firewall, RouteNetlink netlink, CaptureRoutes routes, CniConfiguration cni, ILogger logger)
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
            [
                .. Reasons(DirectPathReasonKind.Firewall, firewall.Read()),
                .. Reasons(DirectPathReasonKind.Firewall, Programs()),
                .. Reasons(DirectPathReasonKind.RoutingRule, Rules()),
                .. Reasons(DirectPathReasonKind.Ipsec, Policies()),
                .. Reasons(DirectPathReasonKind.Cni, cni.Reasons()),
            ];
            lock (_lock)
            {
                _found = found;
                Decide();
            }
        }
    }

    private static IEnumerable<DirectPathReason> Reasons(DirectPathReasonKind kind, IEnumerable<string> found) => found.Take(FirewallEvaluator.MaxReasons).Select(r => new DirectPathReason(kind, r));

    private ImmutableArray<string> Rules()
    {
        try
        {
            return RoutingRules.Evaluate(netlink.GetRules().Where(r => !routes.IsOwn(r)), Socket.OSSupportsIPv6, firewall.FindMark);
        }
        catch (NetlinkException e)
        {
            return [$"routing rules can't be read: {e.Message}"];
        }
    }

    private static string[] Programs()
    {
        try
        {
            return [.. NetfilterPrograms.List()];
        }
        catch (BpfException e)
        {
            return [$"programs at netfilter's hooks can't be listed: {e.Message}"];
        }
    }

    private static IEnumerable<string> Policies()
    {
        try
        {
            return XfrmPolicies.List().Select(p => $"IPsec policy {p}");
        }
        catch (NetlinkException e)
        {
            return [$"IPsec policies can't be read: {e.Message}"];
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
