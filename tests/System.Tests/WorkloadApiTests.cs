using System.Buffers.Binary;
using System.Text;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.WorkloadApi;
using Culvert.SystemTests.Fixtures;
using Google.Protobuf;

namespace Culvert.SystemTests;

/// <summary>The identity of a pod, as its applications have it of the node's agent: asked for by curl, from within pods.</summary>
[Collection(MeshCollection.Name)]
public sealed class WorkloadApiTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("auto")]
    [InlineData("inside")]
    public async Task A_pod_has_its_own_identity_and_who_is_not_in_the_mesh_has_none(string capture)
    {
        await using var mesh = await MeshFixture.CreateAsync(new MeshLabOptions { ServesWorkloads = true, Capture = capture });
        var client = await mesh.AddPodAsync(mesh.Nodes[0], "client", "client");
        var near = await mesh.AddPodAsync(mesh.Nodes[0], "near", "web");
        var plain = await mesh.Lab.AddPodAsync(mesh.Nodes[0].Place, "plain");
        await MeshFixture.StartAsync(mesh);
        var socket = mesh.Nodes[0].WorkloadApi;
        var folder = mesh.Lab.Folder;

        await LabWait.UntilAsync("a pod has its identity", async () => await IdentityAsync(client) == MeshObjects.Identity("client"), Soon);
        await LabWait.UntilAsync("another one has its own", async () => await IdentityAsync(near) == MeshObjects.Identity("web"), Soon);
        Assert.Contains("grpc-status: 7", (await CallAsync(plain, "FetchX509SVID", new X509SVIDRequest())).Head, StringComparison.Ordinal);

        (_, var answer) = await CallAsync(client, "FetchJWTSVID", new JWTSVIDRequest { Audience = { "db" } });
        var token = JWTSVIDResponse.Parser.ParseFrom(answer).Svids.Single();
        Assert.Equal(MeshObjects.Identity("client"), token.SpiffeId);
        (_, answer) = await CallAsync(near, "ValidateJWTSVID", new ValidateJWTSVIDRequest { Audience = "db", Svid = token.Svid });
        Assert.Equal(MeshObjects.Identity("client"), ValidateJWTSVIDResponse.Parser.ParseFrom(answer).SpiffeId);

        async Task<string?> IdentityAsync(LabNamespace pod)
        {
            (_, var message) = await CallAsync(pod, "FetchX509SVID", new X509SVIDRequest());
            return X509SVIDResponse.Parser.ParseFrom(message).Svids.SingleOrDefault()?.SpiffeId;
        }

        // A stream does not end: what has come by then counts.
        async Task<(string Head, byte[] Message)> CallAsync(LabNamespace pod, string method, IMessage request)
        {
            string asked = Path.Combine(folder, "asked"), head = Path.Combine(folder, "head"), answered = Path.Combine(folder, "answered");
            byte[] message = request.ToByteArray(), frame = new byte[5 + message.Length];
            BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
            message.CopyTo(frame, 5);
            await File.WriteAllBytesAsync(asked, frame);
            File.Delete(answered);
            await pod.RunAsync(
                "curl",
                [
                    "-sS", "-N", "--http2-prior-knowledge", "--max-time", "2", "--unix-socket", socket, "-H", "content-type: application/grpc", "-H", "te: trailers", "-H", "workload.spiffe.io: true",
                    "--data-binary", $"@{asked}", "-D", head, "-o", answered, $"http://localhost/SpiffeWorkloadAPI/{method}",
                ]);
            byte[] bytes = File.Exists(answered) ? await File.ReadAllBytesAsync(answered) : [];
            return (File.Exists(head) ? await File.ReadAllTextAsync(head, Encoding.ASCII) : "", bytes.Length > 5 ? bytes[5..(5 + BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(1)))] : []);
        }
    }
}
