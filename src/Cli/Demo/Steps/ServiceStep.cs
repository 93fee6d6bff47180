using System.Globalization;

namespace Culvert.Cli.Demo.Steps;

/// <summary>A service's address reaches every backend.</summary>
internal sealed class ServiceStep : IDemoStep
{
    private const int Requests = 40;

    public string Name => "service";

    public string Title => "A service's address reaches the servers of both nodes";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        int near = 0, far = 0;
        for (var i = 0; i < Requests; i++)
        {
            var answer = await DemoWorld.CurlAsync(world.Client, DemoWorld.ServiceAddress4, cancellationToken, port: 80);
            DemoFailedException.ThrowUnless(answer.Succeeded, $"request {i + 1} to {DemoWorld.ServiceAddress4}:80 failed: {answer.Error.Trim()}");
            near += answer.Output.Contains("server=near", StringComparison.Ordinal) ? 1 : 0;
            far += answer.Output.Contains("server=far", StringComparison.Ordinal) ? 1 : 0;
        }

        DemoFailedException.ThrowUnless(near > 0 && far > 0, $"of {Requests} requests {near} reached near and {far} far");
        return string.Create(CultureInfo.InvariantCulture, $"{DemoWorld.ServiceAddress4}:80, {Requests} requests: {near} answered on node1, {far} on node2");
    }
}
