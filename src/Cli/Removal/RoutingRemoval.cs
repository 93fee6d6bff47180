using Culvert.Interop.Netlink;

namespace Culvert.Cli.Removal;

/// <summary>Removes the agent's routing rules and the routes of its table.</summary>
internal static class RoutingRemoval
{
    public static IReadOnlyList<string> Run(uint table)
    {
        using var netlink = RouteNetlink.Open();
        var rules = netlink.GetRules().Where(r => r.Table == table).OrderBy(r => r.Action != IpRuleAction.Lookup).Where(netlink.DeleteRule);
        var removed = rules.Select(r => $"rule {r}").ToList();
        removed.AddRange(netlink.GetRoutes((int)table).Where(netlink.DeleteRoute).Select(r => $"route {r}"));
        return removed;
    }
}
