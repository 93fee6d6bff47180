using System.Globalization;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Fixtures;

/// <summary>What an agent's process holds.</summary>
internal sealed record AgentUsage(int Descriptors, long ResidentKiB)
{
    public static AgentUsage Of(MeshNode node)
    {
        var pid = node.Agent!.Id;
        var line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/status")).First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return new AgentUsage(
            Directory.GetFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fd")).Length,
            long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));
    }
}
