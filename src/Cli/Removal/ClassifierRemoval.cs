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
            foreach (var handle in new[] { TcFilter.DefaultHandle, TcFilter.ProbeHandle })
            {
                removed.AddRange(new[] { TcDirection.Ingress, TcDirection.Egress }
                    .Where(direction => TcFilter.Query(index, direction, handle) is not null && TcFilter.Detach(index, direction, handle))
                    .Select(direction => $"clsact filter ({direction}) of {link.GetProperty("ifname")}"));
            }
        }

        return removed;
    }
}
