using System.Security.Cryptography.X509Certificates;
using Culvert.Bench.Identity;
using Culvert.Bench.Measuring;
using Culvert.Bench.Scale;
using Culvert.Controller;
using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.Bench.Tests;

public sealed class IdentityTests : IDisposable
{
    private const string AuthorityKeyIdentifier = "2.5.29.35";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("culvert-bench-tests-");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task EveryWorkloadIsOnItsNodeWithAnIdentityOfItsOwn()
    {
        IdentityShape shape = new(3);
        string objects = In("world");
        IdentityWorld.Write(objects, shape);
        await using ControllerHost controller = await ControllerHost.StartAsync(new() { ObjectFolder = objects, StateFolder = In("state"), UnixSocket = In("socket") }, Stop);
        Assert.Empty(controller.Errors);
        IReadOnlyCollection<WorkloadInfo> workloads = [.. controller.SnapshotFor(ScaleShape.Node(1)).Workloads.Values];
        Assert.Equal(
            Enumerable.Range(0, shape.Nodes).SelectMany(n => Enumerable.Range(0, IdentityShape.WorkloadsOfNode).Select(w => $"{IdentityShape.Uid(n, w)} {ScaleShape.Node(n)} {IdentityShape.Identity(n, w)}")).Order(StringComparer.Ordinal),
            workloads.Where(w => w.Enrolled).Select(w => $"{w.Uid} {w.Node} {w.Identity}").Order(StringComparer.Ordinal));
        Assert.Equal(workloads.Count, workloads.SelectMany(w => w.Addresses).Distinct().Count());
        Assert.Equal(workloads.Count, workloads.Select(w => w.Identity).Distinct().Count());
    }

    [Fact]
    public async Task AllSignersMakeTheSameOfARequestButTheirNames()
    {
        string objects = In("world"), state = In("state");
        IdentityWorld.Write(objects, new(2));
        await using ScaleController controller = await ScaleController.StartAsync(new BenchOptions().Controller, objects, state, In("log"), Stop);
        IReadOnlyList<SslClientIdentity> identities = await NodeJoin.AllAsync(2, controller.EndPoint, state, Stop);
        IReadOnlyList<PreparedRequest> requests = PreparedRequest.OfNode(1);
        using SomeAuthority authority = SomeAuthority.Create();
        using ControllerSigner ours = new(1, controller.EndPoint, NodeJoin.Roots(state), identities[1], requests);
        using InProcessSigner alone = new(authority, requests);
        await using OpenSslSigner openSsl = new(Made("openssl"), authority, requests);
        string[][] extensions = [await ExtensionsAsync(ours, requests), await ExtensionsAsync(alone, requests), await ExtensionsAsync(openSsl, requests)];
        Assert.Equal(6, extensions[0].Length);
        Assert.Equal(extensions[0], extensions[1]);
        Assert.Equal(extensions[0], extensions[2]);

        // Of another node's workload it has nothing signed.
        using ControllerSigner stranger = new(0, controller.EndPoint, NodeJoin.Roots(state), identities[0], requests);
        BenchInvalidException refusal = await Assert.ThrowsAsync<BenchInvalidException>(() => stranger.SignAsync(0, 0, Stop).AsTask());
        Assert.Contains(requests[0].Uid, refusal.Message);
    }

    [Fact]
    public async Task ACertificateOfAnotherKeyOrForAnotherIsNoneOfThoseThatCount()
    {
        IReadOnlyList<PreparedRequest> requests = PreparedRequest.OfNode(0);
        using SomeAuthority authority = SomeAuthority.Create();
        using InProcessSigner signer = new(authority, requests);
        ReadOnlyMemory<byte> leaf = await signer.SignAsync(0, 7, Stop);
        requests[7].Check(leaf, "signer");
        Assert.Contains("another key", Assert.Throws<BenchInvalidException>(() => requests[8].Check(leaf, "signer")).Message);
        Assert.Contains("app-8", Assert.Throws<BenchInvalidException>(() => (requests[7] with { Identity = requests[8].Identity }).Check(leaf, "signer")).Message);
    }

    [Fact]
    public async Task WhatOpenSslRefusesEndsTheRunWithItsReason()
    {
        using SomeAuthority authority = SomeAuthority.Create();
        PreparedRequest request = PreparedRequest.OfNode(0)[0];
        byte[] damaged = [.. request.Csr];
        damaged[^1] ^= 1;
        await using OpenSslSigner signer = new(Made("openssl"), authority, [request with { Csr = damaged }]);
        BenchInvalidException e = await Assert.ThrowsAsync<BenchInvalidException>(() => signer.SignAsync(0, 0, Stop).AsTask());
        Assert.Contains("signature", e.Message);
    }

    [Fact]
    public async Task ARoundHasAllSignForTheSameTimeAndTheOrderGoesOn()
    {
        PreparedRequest request = PreparedRequest.OfNode(0)[0];
        using SomeAuthority authority = SomeAuthority.Create();
        using InProcessSigner signer = new(authority, [request]);
        ReadOnlyMemory<byte> leaf = await signer.SignAsync(0, 0, Stop);
        List<string> turns = [];
        SigningRounds rounds = new(3, TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(1));
        IReadOnlyList<IReadOnlyList<Reading>> readings = await rounds.RunAsync([.. new[] { "a", "b", "c" }.Select(n => new Turn(n, leaf, turns))], [request], Stop);
        Assert.All(readings, r => Assert.Equal(3, r.Count));
        Assert.Equal(["a", "b", "c", "a", "b", "c", "b", "c", "a", "c", "a", "b"], turns);
    }

    [Fact]
    public async Task SmallMeshesAreMeasured()
    {
        BenchOptions options = BenchOptions.Parse(["--only", "identity.", "--quick", "--rounds", "1", "--identity-nodes", "2"], AppContext.BaseDirectory);
        RowCollector collector = new(_ => Task.CompletedTask);
        await new IdentityBench(options).RunAsync(collector, Stop);
        IReadOnlyList<Result> rows = collector.Rows;
        Assert.Equal(IdentityBench.Names, rows.Select(r => r.Name));
        Assert.All(rows, r => Assert.Null(r.Error));
        Assert.All(rows, r => Assert.True(r.Ours > 0));
        Assert.All(rows, r => Assert.True(r.Peer > 0));
    }

    [Fact]
    public async Task AControllerThatDoesNotStartFailsEachRow()
    {
        BenchOptions options = BenchOptions.Parse(["--only", "identity.", "--identity-nodes", "2", "--controller", "/bin/false"], AppContext.BaseDirectory);
        RowCollector collector = new(_ => Task.CompletedTask);
        await new IdentityBench(options).RunAsync(collector, Stop);
        Assert.Equal(IdentityBench.Names, collector.Rows.Select(r => r.Name));
        Assert.All(collector.Rows, r => Assert.Contains("/bin/false does not serve", r.Error, StringComparison.Ordinal));
    }

    [Fact]
    public void TheIdentityRowsAloneNeedNoLabs()
    {
        Assert.False(BenchOptions.Parse(["--only", "identity.signing", "--only", "scale."]).WantsLabs);
        Assert.True(BenchOptions.Parse(["--only", "identity.", "--only", "agent.rss"]).WantsLabs);
        Assert.True(BenchOptions.Parse([]).WantsIdentity);
        Assert.False(BenchOptions.Parse(["--only", "scale."]).WantsIdentity);
        Assert.False(BenchOptions.Parse(["--peer-only"]).WantsIdentity);
    }

    private string In(string name) => Path.Combine(_folder.FullName, name);

    private string Made(string name) => _folder.CreateSubdirectory(name).FullName;

    // What a certificate says besides names and times; whose key has signed it is each authority's own.
    private static async Task<string[]> ExtensionsAsync(ISigner signer, IReadOnlyList<PreparedRequest> requests)
    {
        ReadOnlyMemory<byte> leaf = await signer.SignAsync(0, 3, Stop);
        requests[3].Check(leaf, signer.GetType().Name);
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(leaf.Span);
        return [.. certificate.Extensions.Select(e => $"{e.Oid!.Value} {e.Critical} {(e.Oid.Value == AuthorityKeyIdentifier ? "" : Convert.ToHexString(e.RawData))}").Order(StringComparer.Ordinal)];
    }

    /// <summary>Has signed already, and notes when its turn begins.</summary>
    private sealed class Turn(string name, ReadOnlyMemory<byte> leaf, List<string> turns) : ISigner
    {
        public int Workers => 1;

        public ValueTask<ReadOnlyMemory<byte>> SignAsync(int worker, int request, CancellationToken cancellationToken)
        {
            if (turns is [] || turns[^1] != name) turns.Add(name);
            return new(leaf);
        }
    }
}
