using System.Text.Json;
using Culvert.Interop.Bpf;
using Culvert.Labs;

namespace Culvert.Cli.Removal;

/// <summary>Removes the agent's clsact filters, which kernels without TCX need and which outlive pins.</summary>
internal static class ClassifierRemoval
{
    public static async Task<IReadOnlyList<string>> RunAsync(CancellationToken cancellationToken)
    {
        var links = await Tool.RequireAsync("ip", ["-j", "link", "show"], null, null, cancellationToken);
        using var json = JsonDocument.Parse(links);
        var removed = new List<string>();
        foreach (var link in json.RootElement.EnumerateArray())
        {
            var index = link.GetProperty("ifindex").GetInt32();
            removed.AddRange(new[] { TcDirection.Ingress, TcDirection.Egress }
                .Where(direction => TcFilter.Query(index, direction) is not null && TcFilter.Detach(index, direction))
                .Select(direction => $"clsact filter ({direction}) of {link.GetProperty("ifname")}"));
        }

        return removed;
    }
}
