using Culvert.SystemTests.Fixtures;
using Culvert.Tests.Shared;

namespace Culvert.SystemTests;

/// <summary>An agent that runs serves the metric families that <c>docs/metrics.md</c> has, and no others.</summary>
[Collection(MeshCollection.Name)]
public sealed class MetricNamesTests(MeshFixture mesh)
{
    [Fact]
    public async Task The_document_names_what_is_served()
    {
        var served = (await mesh.Node1.MetricsAsync(TestContext.Current.CancellationToken)).Types;
        Assert.Equal(MetricTables.Of("name").Select(m => KeyValuePair.Create(m.Name, m.Type)), served.OrderBy(f => f.Key, StringComparer.Ordinal));
    }
}
