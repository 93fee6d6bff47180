using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Core;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Snapshots;
using Culvert.NodeAgent.State;
using Culvert.NodeAgent.Tests.Datapath;
using Culvert.NodeAgent.Tests.Proxy;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.State;

/// <summary>A disk that flips a bit: what is read is what was written, or it is not used.</summary>
[Trait("Category", "Attack")]
public sealed class DamagedFileTests : IDisposable
{
    private const string Node = "spiffe://cluster.local/culvert/node/n1";
    private static readonly SpiffeId Web = SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/web");
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-damaged").FullName;
    private readonly TestAuthority _authority = new();

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        _authority.Dispose();
    }

    [Fact]
    public void AFlippedBitInTheNodesCertificateOrKeyIsNoticed()
    {
        TestLeaf leaf = _authority.Issue(Node);
        string path = Path.Combine(_folder, "node.pem");
        StateFile.Write(path, Encoding.ASCII.GetBytes(leaf.CertificatePem + "\n" + leaf.KeyPem + "\n"));
        Assert.Equal(leaf.Certificate, Credentials().Known!.RawData);
        EachFlippedBit(path, () => Assert.True(Credentials().Known is not { } used || (used.RawData.SequenceEqual(leaf.Certificate) && IsKeyOf(used, leaf))));
        File.WriteAllBytes(path, [.. File.ReadAllBytes(path)[..^3]]);
        Assert.Null(Credentials().Known);
        Assert.NotEmpty(Directory.GetFiles(_folder, "node.pem.corrupt-*"));
    }

    [Fact]
    public void ACertificateOfAWorkloadIsNotTheNodes()
    {
        TestLeaf leaf = _authority.Issue(Web.ToString());
        File.WriteAllText(Path.Combine(_folder, "node.pem"), leaf.CertificatePem + "\n" + leaf.KeyPem + "\n");
        NodeCredentials credentials = Credentials();
        Assert.Null(credentials.Known);
        Assert.Contains($"its identity is {Web}, not node n1's", credentials.WhyUnusable, StringComparison.Ordinal);
    }

    [Fact]
    public void ACertificateOfAnotherNodeIsLeftToIt()
    {
        TestLeaf leaf = _authority.Issue("spiffe://cluster.local/culvert/node/n2");
        string path = Path.Combine(_folder, "node.pem");
        StateFile.Write(path, Encoding.ASCII.GetBytes(leaf.CertificatePem + "\n" + leaf.KeyPem + "\n"));
        AgentStartException refused = Assert.Throws<AgentStartException>(Credentials);
        Assert.StartsWith($"--node n1: {path} is the certificate of node n2; give --node n2, or a --state-dir of its own", refused.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(path));
    }

    [Fact]
    public void AKeyOfAnotherCertificateIsNotUsed()
    {
        File.WriteAllText(Path.Combine(_folder, "node.pem"), _authority.Issue(Node).CertificatePem + "\n" + _authority.Issue(Node).KeyPem + "\n");
        Assert.Null(Credentials().Known);
        SvidCache cache = new(_folder, TimeProvider.System, NullLogger.Instance);
        cache.Save(Svid(_authority.Issue(Web.ToString())) with { PrivateKey = new(_authority.Issue(Web.ToString()).Key) });
        Assert.Null(cache.Load(Web));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "svids")));
    }

    [Fact]
    public void AFlippedBitInAWorkloadsCertificateOrKeyIsNoticed()
    {
        SvidCache cache = new(_folder, TimeProvider.System, NullLogger.Instance);
        TestLeaf leaf = _authority.Issue(Web.ToString());
        cache.Save(Svid(leaf));
        Assert.Equal(leaf.Certificate, cache.Load(Web)!.Chain[0]);
        string path = Assert.Single(Directory.GetFiles(Path.Combine(_folder, "svids")));
        EachFlippedBit(path, () => Assert.True(cache.Load(Web) is not { } used || (used.Chain[0].SequenceEqual(leaf.Certificate) && used.PrivateKey.Use(k => k.Span.SequenceEqual(leaf.Key)))));
    }

    [Fact]
    public async Task AWorkloadsCertificateThatLeadsToNoRootIsDiscardedAndAskedForAnew()
    {
        using TestAuthority other = new("other");
        SvidCache cache = new(_folder, TimeProvider.System, NullLogger.Instance);
        cache.Save(Svid(other.Issue(Web.ToString())));
        await using SvidStore store = new(new AuthorityIssuer(_authority), cache, TimeProvider.System, NullLogger.Instance);
        TlsIdentityTable table = new(store, TimeProvider.System, NullLogger.Instance);
        TaskCompletionSource<Svid> renewed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        store.Changed += table.Update;
        store.Changed += svid => renewed.TrySetResult(svid);
        store.Want(new Dictionary<SpiffeId, string> { [Web] = "shop/web" });
        TrustBundle bundle = new("cluster.local", [_authority.Root]);
        table.Update(bundle, new HashSet<SpiffeId> { Web });
        Svid fresh = await renewed.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.True(SvidVerifier.LeadsTo(fresh, bundle, DateTimeOffset.UtcNow));
        Assert.NotNull(table.Find(Web));
    }

    [Fact]
    public void AFlippedBitInTheSnapshotIsNoticed()
    {
        SnapshotFile file = new(_folder, Directory.CreateDirectory(Path.Combine(_folder, "run")).FullName, "n1", NullLogger.Instance);
        NodeSnapshot snapshot = TestMesh.Snapshot([TestMesh.Workload("a", "n1", "10.0.0.1 fd00::1")]) with { Version = 42 };
        file.Save(snapshot, "e");
        EachFlippedBit(Path.Combine(_folder, "snapshot.pb"), () => Assert.True(file.Load() is not { } used || used.Snapshot.Workloads["shop/a"].Equals(snapshot.Workloads["shop/a"])));
    }

    [Fact]
    public void AFlippedBitInTheNumbersIsNoticed()
    {
        PolicyIdFile file = new(_folder, NullLogger.Instance);
        uint web = file.Ids.Classes.GetOrAdd("web"), api = file.Ids.Classes.GetOrAdd("api");
        file.Save();
        EachFlippedBit(Path.Combine(_folder, "ids"), () =>
        {
            PolicyIds ids = new PolicyIdFile(_folder, NullLogger.Instance).Ids;
            Assert.True((ids.Classes.GetOrAdd("web"), ids.Classes.GetOrAdd("api")) == (web, api) || (ids.Classes.GetOrAdd("web") != api && ids.Classes.GetOrAdd("api") != web));
        });
    }

    private NodeCredentials Credentials() => new("n1", _folder, null, TimeProvider.System, NullLogger.Instance);

    private static Svid Svid(TestLeaf leaf) => new(Web, 1, [leaf.Certificate], new(leaf.Key), DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddHours(1), DateTimeOffset.UtcNow);

    private static bool IsKeyOf(X509Certificate2 certificate, TestLeaf leaf)
    {
        using ECDsa? key = certificate.GetECDsaPrivateKey();
        return key!.ExportPkcs8PrivateKey().SequenceEqual(leaf.Key);
    }

    /// <summary>Flips one bit after another of a sample, at most some hundreds.</summary>
    private static void EachFlippedBit(string path, Action check)
    {
        byte[] good = File.ReadAllBytes(path);
        int step = Math.Max(1, good.Length * 8 / 400);
        for (int bit = 0; bit < good.Length * 8; bit += step)
        {
            byte[] damaged = [.. good];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(path, damaged);
            check();
        }

        File.WriteAllBytes(path, good);
    }

    private sealed class AuthorityIssuer(TestAuthority authority) : ICertificateIssuer
    {
        public Task<IssuedCertificate> SignAsync(string workloadUid, ReadOnlyMemory<byte> csr, CancellationToken cancellationToken)
        {
            byte[] certificate = authority.IssueFor(CertificateRequest.LoadSigningRequest(csr.ToArray(), HashAlgorithmName.SHA256).PublicKey, Web.ToString());
            return Task.FromResult(new IssuedCertificate([certificate], DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddHours(1)));
        }
    }
}
