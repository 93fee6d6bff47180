using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Tests.Identity;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.Protocol;
using Culvert.Tests.Shared;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Tests.Admin;

public sealed class IdentityAdminTests : IAsyncDisposable
{
    private const string Node = "spiffe://cluster.local/culvert/node/n1";
    private const string Web = "spiffe://cluster.local/ns/shop/sa/web";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly Duration HalfAMinute = Duration.FromTimeSpan(TimeSpan.FromSeconds(30));

    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-identity").FullName;
    private readonly TestAuthority _authority = new();
    private readonly TestIssuer _issuer = new(TimeSpan.FromHours(48));
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private readonly SvidStore _svids;
    private NodeSnapshot _snapshot = new() { Node = "n1" };

    public IdentityAdminTests() => _svids = new SvidStore(_issuer, null, _time, NullLogger.Instance);

    public async ValueTask DisposeAsync()
    {
        await _svids.DisposeAsync();
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task IdentitiesAreToldWithTheirWorkloadsAndTheBundleAndWithoutKeys()
    {
        TestLeaf own = JoinNode();
        IdentityAdmin admin = Admin(new Uri("https://127.0.0.1:1"));
        await WantAsync(("shop/web-1", Web), ("shop/web-2", Web));

        Wire.IdentitiesResponse told = admin.List(new Wire.IdentitiesRequest());
        Svid svid = _svids.Find(SpiffeId.Parse(Web))!;
        Assert.Equal("cluster.local", told.TrustDomain);
        Assert.Equal(_authority.Root.ToArray(), Assert.Single(told.Roots).ToByteArray());
        Assert.Equal([Web, Node], told.Identities.Select(i => i.Identity));
        Assert.Equal(["shop/web-1", "shop/web-2"], told.Identities[0].Workloads);
        Assert.Equal((ByteString.CopyFrom(svid.Chain[0]), 1u, "", false), (told.Identities[0].Chain[0], told.Identities[0].Version, told.Identities[0].Error, told.Identities[0].IsNode));
        Assert.Equal((ByteString.CopyFrom(own.Certificate), 1u, true), (told.Identities[1].Chain[0], told.Identities[1].Version, told.Identities[1].IsNode));
        byte[] all = told.ToByteArray();
        Assert.Equal(-1, all.AsSpan().IndexOf(svid.PrivateKey.Use(k => k.ToArray()).AsSpan(36, 32)));
        Assert.Equal(-1, all.AsSpan().IndexOf(own.Key.AsSpan(36, 32)));

        Assert.Equal(Node, Assert.Single(admin.List(new Wire.IdentitiesRequest { Identity = Node }).Identities).Identity);
        RpcException unknown = Assert.Throws<RpcException>(() => admin.List(new Wire.IdentitiesRequest { Identity = "spiffe://cluster.local/x" }));
        Assert.Equal(StatusCode.NotFound, unknown.StatusCode);
        Assert.Contains("no identity 'spiffe://cluster.local/x'", unknown.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhereRootsOfTunnelsAreOthersThanTheControllersBothAreTold()
    {
        using TestAuthority spire = new();
        IdentityAdmin admin = Admin(new Uri("https://127.0.0.1:1"), new TrustBundle("cluster.local", [spire.Root]));
        await WantAsync(("shop/web-1", Web));
        Wire.IdentitiesResponse told = admin.List(new Wire.IdentitiesRequest());
        Assert.Equal(spire.Root.ToArray(), Assert.Single(told.Roots).ToByteArray());
        Assert.Equal(_authority.Root.ToArray(), Assert.Single(told.ControllerRoots).ToByteArray());
        Assert.All(told.Identities, i => Assert.Equal("controller", i.Source));
        Assert.Empty(Admin(new Uri("https://127.0.0.1:1")).List(new Wire.IdentitiesRequest()).ControllerRoots);
    }

    [Fact]
    public async Task WhyThereIsNoCertificateIsTold()
    {
        IdentityAdmin admin = Admin(new Uri("https://127.0.0.1:1"));
        TaskCompletionSource answer = new();
        _issuer.Until = answer.Task;
        Want(("shop/web-1", Web));

        // Asked for before the first attempt ends: the next one waits for the clock.
        Task<Rotation> rotation = _svids.RotateAsync(SpiffeId.Parse(Web), CancellationToken.None);
        answer.SetException(new InvalidOperationException("the authority is away"));
        Assert.Equal("the authority is away", (await rotation.WaitAsync(Patience)).Error);
        Wire.IdentitiesResponse told = admin.List(new Wire.IdentitiesRequest());
        Assert.Equal((0u, "the authority is away"), (told.Identities[0].Version, told.Identities[0].Error));
        Assert.Empty(told.Identities[0].Chain);

        // Nor has the node one, whose name there is known from the bundle.
        Assert.Equal((Node, true, 0u), (told.Identities[1].Identity, told.Identities[1].IsNode, told.Identities[1].Version));
    }

    [Fact]
    public async Task ANodeThatReachesItsControllerByASocketHasNoIdentity()
    {
        IdentityAdmin admin = Admin(new Uri("unix:///nonexistent/controller.sock"));
        await WantAsync(("shop/web-1", Web));
        Assert.Equal([Web], admin.List(new Wire.IdentitiesRequest()).Identities.Select(i => i.Identity));
    }

    [Fact]
    public async Task TheNodesOwnCertificateIsRenewedToo()
    {
        TestLeaf own = JoinNode();
        await using StandInController controller = await StandInController.StartAsync(_authority, Node);
        IdentityAdmin admin = Admin(controller.Address);
        await WantAsync(("shop/web-1", Web));
        _time.Advance(Rotation.LeastBetween);

        Wire.RotateIdentitiesResponse all = await RotateAsync(admin, "");
        Wire.IdentitiesResponse told = admin.List(new Wire.IdentitiesRequest());
        Assert.Equal([Web, Node], all.Rotations.Select(r => r.Identity));
        Assert.All(all.Rotations, r => Assert.Empty(r.Error));
        Assert.Equal(told.Identities.Select(i => i.Chain[0]), all.Rotations.Select(r => r.After));
        Assert.Equal(own.Certificate, all.Rotations[1].Before.ToByteArray());
        Assert.All(told.Identities, i => Assert.Equal(2u, i.Version));

        // Whoever asks without end has nothing signed without end.
        for (int i = 0; i < 5; i++) Assert.Contains("once in 10 s", Assert.Single((await RotateAsync(admin, Node)).Rotations).Error, StringComparison.Ordinal);
        Assert.Equal(1, controller.Calls);
    }

    [Fact]
    public async Task AControllerThatFailsIsNotAskedAgainAtOnce()
    {
        TestLeaf own = JoinNode();
        await using StandInController controller = await StandInController.StartAsync(_authority, Node);
        controller.Failure = new RpcException(new Status(StatusCode.ResourceExhausted, "too much"), new Metadata { { RetryPushback.Name, "60000" } });
        IdentityAdmin admin = Admin(controller.Address);
        Wire.IdentityRotation failed = Assert.Single((await RotateAsync(admin, Node)).Rotations);
        Assert.Equal((ByteString.CopyFrom(own.Certificate), "ResourceExhausted: too much"), (failed.Before, failed.Error));
        Assert.Empty(failed.After);
        Assert.Equal("ResourceExhausted: too much", Assert.Single(admin.List(new Wire.IdentitiesRequest()).Identities).Error);

        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.StartsWith("ResourceExhausted: too much; it is not tried again before ", Assert.Single((await RotateAsync(admin, Node)).Rotations).Error, StringComparison.Ordinal);
        Assert.Equal(1, controller.Calls);

        _time.Advance(TimeSpan.FromSeconds(1));
        controller.Failure = null;
        Assert.Empty(Assert.Single((await RotateAsync(admin, Node)).Rotations).Error);
        Assert.Empty(Assert.Single(admin.List(new Wire.IdentitiesRequest()).Identities).Error);
    }

    [Fact]
    public async Task OfManyAFewAreAskedForAtOnceAndTheOthersNotAfterTheDeadline()
    {
        IdentityAdmin admin = Admin(new Uri("unix:///nonexistent/controller.sock"));
        (string, string)[] workloads = [.. Enumerable.Range(0, 12).Select(i => ($"shop/w{i:00}", $"spiffe://cluster.local/ns/shop/sa/w{i:00}"))];
        await WantAsync(workloads);
        _time.Advance(Rotation.LeastBetween);
        int before = _issuer.Calls;
        Assert.All((await RotateAsync(admin, "")).Rotations, r => Assert.Empty(r.Error));
        Assert.Equal(before + 12, _issuer.Calls);

        // Once more, of an authority that does not answer: nobody is asked for when the time is over.
        _time.Advance(Rotation.LeastBetween);
        TaskCompletionSource answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _issuer.Until = answer.Task;
        Task<Wire.RotateIdentitiesResponse> asked = RotateAsync(admin, "");
        await _issuer.CallsAsync(before + 16).WaitAsync(Patience);
        _time.Advance(TimeSpan.FromSeconds(30));
        Wire.RotateIdentitiesResponse answered = await asked.WaitAsync(Patience);
        Assert.All(answered.Rotations.Take(4), r => Assert.Equal("no answer came in time; the attempt goes on", r.Error));
        Assert.All(answered.Rotations.Skip(4), r => Assert.StartsWith("it was not asked for in the time", r.Error, StringComparison.Ordinal));
        Assert.Equal(before + 16, _issuer.Calls);
        answer.SetResult();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    [InlineData(601)]
    public async Task TheTimeToWaitIsBounded(int seconds)
    {
        IdentityAdmin admin = Admin(new Uri("unix:///nonexistent/controller.sock"));
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => admin.RotateAsync(new Wire.RotateIdentitiesRequest { Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(seconds)) }, CancellationToken.None));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
    }

    private static Task<Wire.RotateIdentitiesResponse> RotateAsync(IdentityAdmin admin, string identity) =>
        admin.RotateAsync(new Wire.RotateIdentitiesRequest { Identity = identity, Timeout = HalfAMinute }, CancellationToken.None).WaitAsync(Patience);

    private TestLeaf JoinNode()
    {
        TestLeaf own = _authority.Issue(Node);
        File.WriteAllText(Path.Combine(_folder, "node.pem"), own.CertificatePem + "\n" + own.KeyPem + "\n");
        return own;
    }

    private IdentityAdmin Admin(Uri address, TrustBundle? trust = null)
    {
        NodeCredentials credentials = new("n1", _folder, null, _time, NullLogger.Instance);
        ControllerLink link = new(address, "n1", null, credentials, _time, NullLogger.Instance);
        link.SetBundle(new TrustBundle("cluster.local", [_authority.Root]));
        return new IdentityAdmin(() => _snapshot, _svids, () => trust ?? _snapshot.TrustBundle, credentials, link, _time);
    }

    private void Want(params (string Uid, string Identity)[] workloads)
    {
        _snapshot = new NodeSnapshot
        {
            Node = "n1",
            TrustBundle = new TrustBundle("cluster.local", [_authority.Root]),
            Workloads = workloads.ToImmutableDictionary(w => w.Uid, w => new WorkloadInfo
            {
                Uid = w.Uid,
                Name = NamespacedName.Parse(w.Uid),
                ServiceAccount = "web",
                Identity = SpiffeId.Parse(w.Identity),
                Node = "n1",
                Addresses = [IPAddress.Loopback],
            }),
        };
        Dictionary<SpiffeId, string> wanted = [];
        foreach ((string uid, string identity) in workloads) wanted.TryAdd(SpiffeId.Parse(identity), uid);
        _svids.Want(wanted);
    }

    // Until each has its first certificate.
    private async Task WantAsync(params (string Uid, string Identity)[] workloads)
    {
        int left = workloads.Select(w => w.Identity).Distinct().Count();
        TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        void On(Svid svid)
        {
            if (Interlocked.Decrement(ref left) == 0) all.TrySetResult();
        }

        _svids.Changed += On;
        Want(workloads);
        await all.Task.WaitAsync(Patience);
        _svids.Changed -= On;
    }
}
