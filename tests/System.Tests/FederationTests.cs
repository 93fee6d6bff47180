using System.Globalization;
using System.Security.Authentication;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>A mesh that is federated with another one.</summary>
[Collection(MeshCollection.Name)]
[Trait("Category", "Attack")]
public sealed class FederationTests
{
    private const string OtherDomain = "two.example";

    // A file is looked at every 5 s.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    [Fact]
    public async Task The_others_workloads_get_where_policy_names_them_by_the_roots_that_it_tells()
    {
        using TempFiles files = new();
        files.Federate("bundle: none.json");
        files.Write("none.json", """{"keys": []}""");
        await using var place = await RootLab.StartAsync(lifetime: null, "--federation", files.Federation);
        await using OtherMesh other = await OtherMesh.StartAsync(place.Mesh);
        place.Mesh.Objects.Write("policy-abroad", Abroad());
        var first = await other.ClientAsync("client");
        Assert.Equal(0, await ConnectAsync(place, first));

        // The file has the first root alone, by which the server proves itself: of the second only the server tells.
        files.Write("first.pem", await File.ReadAllTextAsync(other.Roots));
        await other.RunVerbAsync("root", "rotate", "--now");
        var second = await other.ClientAsync("client");
        files.Federate($$"""
            bundle: first.pem
            bundleEndpoint: {url: "{{other.BundleUrl}}", profile: https_spiffe, spiffeId: "spiffe://{{OtherDomain}}/culvert/controller"}
            """);
        await LabWait.UntilAsync("the other mesh's client is let in", async () => await ConnectAsync(place, second) == 200, Soon);
        Assert.Equal(200, await ConnectAsync(place, first));
        Assert.Equal(401, await ConnectAsync(place, await other.ClientAsync("guest")));
        Assert.Equal(0, await ConnectAsync(place, await other.IssueAsync(MeshObjects.Identity("client"))));
        Assert.Equal(0, await ConnectAsync(place, await other.IssueAsync($"spiffe://{OtherDomain}/culvert/node/node1")));
        Assert.True(await place.CanConnectAsync());

        // And so `culvert explain` says.
        Assert.Equal((Verdict.Allow, "allowed-by-policy"), await ExplainAsync(place, $"spiffe://{OtherDomain}/ns/demo/sa/client"));
        Assert.Equal((Verdict.Deny, "policy-no-allow"), await ExplainAsync(place, $"spiffe://{OtherDomain}/ns/demo/sa/guest"));
        Assert.Equal((Verdict.Deny, "peer-identity-mismatch"), await ExplainAsync(place, $"spiffe://{OtherDomain}/culvert/node/node1"));
        Assert.Equal((Verdict.Deny, "tls-handshake"), await ExplainAsync(place, "spiffe://three.example/ns/demo/sa/client"));
        Assert.Equal((Verdict.Allow, "allowed-by-policy"), await ExplainAsync(place, MeshObjects.Identity("client")));

        await other.RunVerbAsync("root", "remove", await other.FindRootAsync(signs: false));
        files.Write("second.pem", await File.ReadAllTextAsync(other.Roots));
        files.Federate("bundle: second.pem");
        await LabWait.UntilAsync("the first root is not believed any more", async () => await ConnectAsync(place, first) == 0, Soon);
        Assert.Equal(200, await ConnectAsync(place, second));

        files.Federate("bundle: none.json");
        await LabWait.UntilAsync("nobody of the other mesh is believed any more", async () => await ConnectAsync(place, second) == 0, Soon);
        Assert.Equal((Verdict.Deny, "tls-handshake"), await ExplainAsync(place, $"spiffe://{OtherDomain}/ns/demo/sa/client"));
        Assert.True(await place.CanConnectAsync());
    }

    private static async Task<(Verdict Verdict, string Reason)> ExplainAsync(RootLab place, string identity)
    {
        ExplainResponse answer = await place.Mesh.Nodes[1].ExplainAsync(identity, $"{MeshObjects.Namespace}/far", (uint)place.Server.EndPoint.Port);
        return (answer.Verdict, answer.Reason);
    }

    // From a pod that is not the mesh's to the server's node, as another mesh's workload would.
    private static async Task<int> ConnectAsync(RootLab place, string pem)
    {
        try
        {
            return await TunnelClient.ConnectAsync(place.Mesh.ControllerPlace, place.Server.EndPoint.Address, place.Server.EndPoint.Port, pem);
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return 0; // the proxy's alert, or the end of the connection
        }
    }

    private static string Abroad() => $"""
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata:
          name: abroad
          namespace: {MeshObjects.Namespace}
        spec:
          selector:
            matchLabels:
              app: web
          action: ALLOW
          rules:
            - from:
                - identities: ["spiffe://{OtherDomain}/ns/demo/sa/client"]

        """;

    /// <summary>The files of a controller's <c>--federation</c>.</summary>
    private sealed class TempFiles : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("culvert-federation");

        public string Federation => Path.Combine(_folder.FullName, "federation.yaml");

        public void Federate(string how) => Write(Path.GetFileName(Federation), $"trustDomain: {OtherDomain}\n{how}\n");

        // Files appear whole, by rename.
        public void Write(string name, string text)
        {
            var path = Path.Combine(_folder.FullName, name);
            File.WriteAllText(path + ".new", text);
            File.Move(path + ".new", path, overwrite: true);
        }

        public void Dispose() => _folder.Delete(recursive: true);
    }

    /// <summary>Another mesh's controller, beside that of the lab's.</summary>
    private sealed class OtherMesh : IAsyncDisposable
    {
        private const int AgentPort = 15112, BundlePort = 15443;
        private readonly MeshLab _lab;
        private readonly string _state;
        private readonly LabProcess _controller;

        private OtherMesh(MeshLab lab, string state, LabProcess controller) => (_lab, _state, _controller) = (lab, state, controller);

        public string Roots => Path.Combine(_state, "roots.pem");

        public string BundleUrl => $"https://{Address(_lab, BundlePort)}/";

        public static async Task<OtherMesh> StartAsync(MeshLab lab)
        {
            var folder = Path.Combine(lab.Lab.Folder, "other");
            var objects = new ObjectFolder(Path.Combine(folder, "objects"));
            objects.Write("mesh", MeshObjects.Mesh().Replace(MeshObjects.TrustDomain, OtherDomain, StringComparison.Ordinal));
            var state = Path.Combine(folder, "controller");
            var controller = lab.ControllerPlace.Start(
                "other-controller",
                lab.Options.Controller,
                ["run", "--folder", objects.Path, "--listen", Address(lab, AgentPort), "--bundle-endpoint", Address(lab, BundlePort), "--state-dir", state]);
            await LabWait.ForListenerAsync(controller, BundlePort, TimeSpan.FromSeconds(30));
            return new OtherMesh(lab, state, controller);
        }

        public Task<string> ClientAsync(string account) => IssueAsync($"spiffe://{OtherDomain}/ns/demo/sa/{account}");

        /// <summary>A certificate by the root that signs.</summary>
        public async Task<string> IssueAsync(string identity)
        {
            var root = Path.Combine(_state, "ca", "root-" + await FindRootAsync(signs: true));
            return TestAuthority.Load(root + ".pem", root + ".key.pem").Issue(_lab.Lab.Folder, identity, -Day, Day);
        }

        /// <summary>The ID of the root that signs, or of the one that does not any more.</summary>
        public async Task<string> FindRootAsync(bool signs) =>
            (await RunVerbAsync("root", "list")).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Single(l => l.EndsWith("signs", StringComparison.Ordinal) == signs).Split(' ')[0];

        public Task<string> RunVerbAsync(params IReadOnlyList<string> verb) => Tool.RequireAsync(_lab.Options.Controller, [.. verb, "--state-dir", _state]);

        public async ValueTask DisposeAsync() => await _controller.StopAsync(TimeSpan.FromSeconds(5));

        private static string Address(MeshLab lab, int port) => string.Create(CultureInfo.InvariantCulture, $"{lab.ControllerPlace.Address4}:{port}");
    }
}
