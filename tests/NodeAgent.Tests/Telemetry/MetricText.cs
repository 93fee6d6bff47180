using System.Text;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Tests.Telemetry;

/// <summary>What a scrape of a registry says.</summary>
internal static class MetricText
{
    /// <summary>The text in one piece.</summary>
    internal static string Render(this MetricRegistry registry, bool openMetrics)
    {
        using MemoryStream text = new();
        Task exported = registry.ExportAsync(text, openMetrics, TestContext.Current.CancellationToken);
        Assert.True(exported.IsCompletedSuccessfully, $"the export into memory has not ended: {exported.Exception}");
        return Encoding.UTF8.GetString(text.ToArray());
    }
}
