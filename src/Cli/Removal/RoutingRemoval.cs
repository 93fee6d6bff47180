using System.Globalization;
using System.Text.Json;
using Culvert.Labs;

namespace Culvert.Cli.Removal;

/// <summary>Removes the agent's routing rules and the routes of its table.</summary>
internal static class RoutingRemoval
{
    public static async Task<IReadOnlyList<string>> RunAsync(uint table, CancellationToken cancellationToken)
    {
        var name = table.ToString(CultureInfo.InvariantCulture);
        var removed = new List<string>();
        foreach (var family in new[] { "-4", "-6" })
        {
            var rules = await Tool.RequireAsync("ip", [family, "-j", "rule", "show"], null, null, cancellationToken);
            using var json = JsonDocument.Parse(rules);
            foreach (var rule in json.RootElement.EnumerateArray().Where(r => r.TryGetProperty("table", out var t) && t.ToString() == name))
            {
                var priority = rule.GetProperty("priority").ToString();
                await Tool.RequireAsync("ip", [family, "rule", "del", "priority", priority, "table", name], null, null, cancellationToken);
                removed.Add($"rule {family} priority {priority} table {name}");
            }

            // A table that was never made is an error to ip(8), and means that there is nothing to remove.
            var routes = await Tool.RunAsync("ip", [family, "route", "show", "table", name], null, null, cancellationToken);
            if (routes.Succeeded && routes.Output.Length > 0)
            {
                await Tool.RequireAsync("ip", [family, "route", "flush", "table", name], null, null, cancellationToken);
                removed.AddRange(routes.Output.Trim().Split('\n').Select(route => $"route {family} {route.Trim()} table {name}"));
            }
        }

        return removed;
    }
}
