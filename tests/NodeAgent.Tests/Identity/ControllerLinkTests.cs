using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.Protocol;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Identity;

/// <summary>Whom an agent takes for the controller, while roots come and go.</summary>
[Trait("Category", "Attack")]
public sealed class ControllerLinkTests : IDisposable
{
    private const string Controller = "spiffe://example.org/culvert/controller";

    private readonly TestAuthority _old = new("the first root");
    private readonly TestAuthority _new = new("the second root");
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-test-").FullName;
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public ControllerLinkTests()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        File.WriteAllText(Path.Combine(_folder, "token"), "a token");
        File.WriteAllText(Path.Combine(_folder, "roots.pem"), PemOf(_old.Root));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AttackBootstrapRootsAreNotBelievedOnceThereIsABundle()
    {
        using ControllerLink link = Link();
        TestLeaf thief = _old.Issue(Controller);
        Assert.True(await IsBelievedAsync(link, thief));

        link.SetBundle(new TrustBundle("example.org", [_new.Root]));
        Assert.False(await IsBelievedAsync(link, thief));
        Assert.True(await IsBelievedAsync(link, _new.Issue(Controller)));

        // While both are in the bundle either may sign.
        link.SetBundle(new TrustBundle("example.org", [_new.Root, _old.Root]));
        Assert.True(await IsBelievedAsync(link, thief));
    }

    [Fact]
    public async Task AnAgentThatWasAwayWhileItsRootWasReplacedFindsTheControllerByTheSuccessorsCertificate()
    {
        using ControllerLink link = Link();
        link.SetBundle(new TrustBundle("example.org", [_old.Root]));
        TestLeaf controller = _new.Issue(Controller);
        Assert.False(await IsBelievedAsync(link, controller));
        Assert.True(await IsBelievedAsync(link, controller, _old.CertifySuccessor(_new)));
    }

    [Theory, InlineData("spiffe://example.org/ns/shop/sa/web"), InlineData("spiffe://example.org/culvert/node/n1"), InlineData(null)]
    public async Task AttackACertificateOfTheMeshThatIsNoControllersIsRefused(string? identity)
    {
        using ControllerLink link = Link();
        Assert.False(await IsBelievedAsync(link, identity is null ? _old.Issue() : _old.Issue(identity)));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(11 * 24)]
    public async Task WhereOnlyTheClockIsWrongTheDatesAreSaid(int hours)
    {
        using ControllerLink link = Link();
        DateTimeOffset until = DateTimeOffset.UtcNow.AddHours(hours);
        Task<bool> serving = ServeOnceAsync(_old.Issue(until, Controller), []);
        RpcException failure = await Assert.ThrowsAsync<RpcException>(() => link.ConnectAsync(Cancel));
        Assert.False(await serving);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $" to {until:u}, and the clock here says "), failure.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhyANodeHasToJoinAgainIsSaidWithWhyItCannot()
    {
        string path = Path.Combine(_folder, "node.pem");
        await File.WriteAllTextAsync(path, "what is left of it", Cancel);
        using ControllerLink link = Link();
        Task<bool> serving = ServeOnceAsync(_new.Issue(Controller), []);
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(() => link.ConnectAsync(Cancel));
        Assert.False(await serving);
        Assert.StartsWith($"{path} can't be used: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("; nor can the node join: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("not that of a controller of the known roots", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ANodesCertificateThatIsRevokedIsRenewedAtOnceAndNotWithEachCall()
    {
        const string Node = "spiffe://cluster.local/culvert/node/n1";
        TestLeaf own = _old.Issue(DateTimeOffset.UtcNow.AddDays(9), Node);
        await File.WriteAllTextAsync(Path.Combine(_folder, "node.pem"), $"{own.CertificatePem}\n{own.KeyPem}", Cancel);
        await using StandInController controller = await StandInController.StartAsync(_old, Node);

        // As of an authority that goes on to sign below what is revoked.
        controller.Above = _old.Root;
        NodeCredentials credentials = new("n1", _folder, null, TimeProvider.System, NullLogger.Instance);
        using ControllerLink link = new(controller.Address, "n1", Path.Combine(_folder, "roots.pem"), credentials, TimeProvider.System, NullLogger.Instance);
        link.SetBundle(new TrustBundle("cluster.local", [_old.Root]));
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        Task renewing = link.KeepRenewedAsync(stop.Token);

        Assert.True(credentials.DueAt > DateTimeOffset.UtcNow);
        link.Revoke(new() { Serials = [SvidReader.SerialOf(own.Certificate), SvidReader.SerialOf(_old.Root)] });
        await controller.Asked.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        await link.ConnectAsync(Cancel); // one at a time: what came of it is there
        Assert.NotEqual(own.Certificate, credentials.Held!.Chain[0]);
        for (int i = 0; i < 10; i++) await link.ConnectAsync(Cancel);
        Assert.Equal(1, controller.Calls);
        await stop.CancelAsync();
        await renewing;
    }

    public void Dispose()
    {
        _old.Dispose();
        _new.Dispose();
        _listener.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private ControllerLink Link()
    {
        NodeCredentials credentials = new("n1", _folder, Path.Combine(_folder, "token"), TimeProvider.System, NullLogger.Instance);
        Uri address = new($"https://{_listener.LocalEndPoint}");
        return new ControllerLink(address, "n1", Path.Combine(_folder, "roots.pem"), credentials, TimeProvider.System, NullLogger.Instance);
    }

    // Whether the agent goes on with a server that shows this certificate: its part of the handshake comes to an end. Then the server hangs up.
    private async Task<bool> IsBelievedAsync(ControllerLink link, TestLeaf leaf, params byte[][] intermediates)
    {
        Task<bool> serving = ServeOnceAsync(leaf, intermediates);
        RpcException failure = await Assert.ThrowsAsync<RpcException>(() => link.ConnectAsync(Cancel));
        bool believed = await serving;
        Assert.Equal(!believed, failure.ToString().Contains("not that of a controller of the known roots", StringComparison.Ordinal));
        return believed;
    }

    private async Task<bool> ServeOnceAsync(TestLeaf leaf, byte[][] intermediates)
    {
        using Socket socket = await _listener.AcceptAsync(Cancel);
        using X509Certificate2 pem = X509Certificate2.CreateFromPem(leaf.CertificatePem, leaf.KeyPem);
        X509Certificate2Collection chain = [.. intermediates.Select(i => X509CertificateLoader.LoadCertificate(i))];
        await using SslStream stream = new(new NetworkStream(socket));
        try
        {
            await stream.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = SslStreamCertificateContext.Create(pem, chain, offline: true, trust: null),
                    ApplicationProtocols = [SslApplicationProtocol.Http2],
                },
                Cancel);
            return await stream.ReadAsync(new byte[1], Cancel) == 1;
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            return false;
        }
    }

    private static string PemOf(ReadOnlyMemory<byte> certificate) => new(System.Security.Cryptography.PemEncoding.Write("CERTIFICATE", certificate.Span));
}
