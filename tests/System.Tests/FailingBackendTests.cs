using System.Text.RegularExpressions;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests;

/// <summary>A Service of HTTP with a pod on the client's node and one on the other, of which the near one fails: what a TrafficPolicy makes of that, without any route.</summary>
[Collection(MeshCollection.Name)]
public sealed class FailingBackendTests(MeshFixture mesh)
{
    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task A_backend_whose_requests_fail_gets_none_for_a_while(TestFamily family)
    {
        double ejections = await EjectionsAsync();
        await using SharedService service = await SharedService.StartAsync(mesh, family, "outlierDetection: {consecutiveErrors: 3, baseEjectionTime: 1h, maxEjectionPercent: 50}");
        string answers = (await mesh.Client.RunAsync("curl", ["-sS", "-w", "%{http_code}\n", "-o", "/dev/null", $"{SharedService.Url(family)}/fails?[1-60]"])).Output;
        Assert.Equal((3, 57), (Regex.Count(answers, "^503$", RegexOptions.Multiline), Regex.Count(answers, "^200$", RegexOptions.Multiline)));
        Assert.Equal(1, await EjectionsAsync() - ejections);
    }

    private async Task<double> EjectionsAsync() => (await mesh.Node1.MetricsAsync()).Sum("culvert_backend_ejections_total", $"service=\"{SharedService.ServiceName}\"");
}
