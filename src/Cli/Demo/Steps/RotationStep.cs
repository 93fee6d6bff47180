using System.Globalization;
using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.Cli.Demo.Steps;

/// <summary>Certificates change under traffic.</summary>
internal sealed class RotationStep : IDemoStep
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(45);

    public string Name => "rotation";

    public string Title => "Certificates rotate under traffic, no request fails";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        world.Mesh.Objects.Write("mesh", MeshObjects.Mesh("20s"));
        var seen = new HashSet<DateTimeOffset>();
        var requests = 0;
        await LabWait.UntilAsync(
            "the client's certificate has been replaced twice by short-lived ones",
            async () =>
            {
                await DemoWorld.RequireAnswersAsync(world.Client, world.Far, cancellationToken);
                requests += 2;
                seen.Add(await CertificateEndAsync(world, cancellationToken));
                return seen.Count >= 3;
            },
            Deadline,
            null,
            cancellationToken);
        world.Mesh.Objects.Write("mesh", MeshObjects.Mesh());
        return string.Create(CultureInfo.InvariantCulture, $"lifetime set to 20 s: {seen.Count} certificates in turn, {requests} requests, 0 failed");
    }

    private static async Task<DateTimeOffset> CertificateEndAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        var status = await world.Node1.StatusAsync(cancellationToken);
        var client = status.Workloads.Single(w => w.Uid.EndsWith("client", StringComparison.Ordinal));
        DemoFailedException.ThrowUnless(client.CertificateNotAfter is not null, "the client has no certificate");
        return client.CertificateNotAfter.ToDateTimeOffset();
    }
}
