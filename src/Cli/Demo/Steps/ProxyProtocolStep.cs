using System.Globalization;
using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.Cli.Demo.Steps;

/// <summary>An application that asks for it gets a PROXY v2 header.</summary>
internal sealed class ProxyProtocolStep : IDemoStep
{
    private const string File = "workload-far";

    public string Name => "proxy-protocol";

    public string Title => "nginx with listen … proxy_protocol gets the true client in a PROXY v2 header";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        await DatagramServer.EnsureAsync(world, world.Far, cancellationToken);
        var plain = MeshObjects.Workload(world.Far, "web");
        world.Mesh.Objects.Write(File, plain.Replace(
            "metadata:\n",
            string.Create(CultureInfo.InvariantCulture, $"metadata:\n  annotations:\n    culvert.dev/proxy-protocol: \"v2:{DatagramServer.HeaderPort}\"\n"),
            StringComparison.Ordinal));
        try
        {
            var answer = "";
            await LabWait.UntilAsync(
                "nginx gets a header",
                async () => (answer = (await DemoWorld.CurlAsync(world.Client, world.Far.Address4, cancellationToken, DatagramServer.HeaderPort)).Output.Trim()).Length > 0,
                TimeSpan.FromSeconds(10),
                null,
                cancellationToken);
            DemoFailedException.ThrowUnless(
                answer.Contains($"header={world.Client.Address4}:", StringComparison.Ordinal)
                    && answer.Contains(string.Create(CultureInfo.InvariantCulture, $"to={world.Far.Address4}:{DatagramServer.HeaderPort}"), StringComparison.Ordinal),
                $"nginx read '{answer}' from the header");
            return $"annotation culvert.dev/proxy-protocol on far; through the tunnel nginx answered: {answer}";
        }
        finally
        {
            world.Mesh.Objects.Write(File, plain);
        }
    }
}
