using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>The tunnel port against programs that are not ours.</summary>
public sealed class ForeignPeerTests
{
    [Fact]
    public async Task OpenSslWithoutACertificateIsRefused() => await RefusedAsync((authority, folder) => "", "certificate");

    [Fact]
    public async Task OpenSslWithAnotherAuthoritysCertificateIsRefused()
    {
        using TestAuthority other = new("other");
        await RefusedAsync((_, folder) => Write(folder, other.Issue(ProxyPair.Alice)), "certificate verify failed");
    }

    [Fact]
    public async Task OpenSslWithAnExpiredCertificateIsRefused() =>
        await RefusedAsync((authority, folder) => Write(folder, authority.Issue(DateTimeOffset.UtcNow.AddMinutes(-5), ProxyPair.Alice)), "expired");

    [Fact]
    public async Task OpenSslWithTwoIdentitiesIsRefused() =>
        await RefusedAsync((authority, folder) => Write(folder, authority.Issue(ProxyPair.Alice, ProxyPair.Bob)), "2 URI names");

    [Fact]
    public async Task OpenSslWithoutAnIdentityIsRefused() =>
        await RefusedAsync((authority, folder) => Write(folder, authority.Issue()), "0 URI names");

    [Fact]
    public async Task OpenSslWithANameThatIsNoSpiffeIdIsRefused() =>
        await RefusedAsync((authority, folder) => Write(folder, authority.Issue("https://cluster.local/ns/a/sa/b")), "does not begin with");

    [Fact]
    public async Task OpenSslWithTls12IsRefused() =>
        await RefusedAsync((authority, folder) => Write(folder, authority.Issue(ProxyPair.Alice)) + " -tls1_2", "unsupported protocol");

    [Fact]
    public async Task FailuresOfOnePeerAreCountedEachButLoggedOnce()
    {
        await using ProxyPair pair = new();
        for (int i = 0; i < 5; i++) await SClientAsync(pair, "");
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Handshakes.Count == 5);
        Assert.Single(pair.Destination.Handshakes, h => h.Log);
        Assert.All(pair.Destination.Handshakes, h => Assert.Equal(ProxyFailure.TlsHandshake, h.Handshake.Failure));
    }

    [Fact]
    public async Task GarbageAndSilenceAreRefused()
    {
        await using ProxyPair pair = new(o => o with { PeerHandshakeTimeout = TimeSpan.FromMilliseconds(200) });
        using Socket garbage = new(SocketType.Stream, ProtocolType.Tcp), silent = new(SocketType.Stream, ProtocolType.Tcp);
        garbage.Connect(ProxyPair.ToIp(pair.Tunnel));
        await garbage.SendAllAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        silent.Connect(ProxyPair.ToIp(pair.Tunnel));
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Handshakes.Count == 2);
        Assert.Equal(
            [ProxyFailure.TlsHandshake, ProxyFailure.TlsTimeout],
            pair.Destination.Handshakes.Select(h => h.Handshake.Failure).Order());
    }

    [Theory]
    [InlineData("curl", "-sk --http2 -o {0}/body -w %{{http_code}}_%{{http_version}} --cert {0}/cert.pem --key {0}/key.pem https://{1}/", "400_2")]
    [InlineData("nghttp", "-nv --no-verify-peer --cert={0}/cert.pem --key={0}/key.pem https://{1}/", ":status: 400")]
    public async Task ARequestThatIsNotConnectIsAnsweredWith400(string program, string arguments, string expected)
    {
        await using ProxyPair pair = new();
        using TemporaryFolder folder = new();
        Write(folder.Path, pair.Authority.Issue(ProxyPair.Alice));
        string output = await RunAsync(program, string.Format(System.Globalization.CultureInfo.InvariantCulture, arguments, folder.Path, pair.Tunnel));
        Assert.Contains(expected, output, StringComparison.Ordinal);
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Failed.Count == 1);
        Assert.Equal(ProxyFailure.BadRequest, pair.Destination.Failed.Single().Failure);
    }

    private static async Task RefusedAsync(Func<TestAuthority, string, string> prepare, string reason)
    {
        await using ProxyPair pair = new();
        using TemporaryFolder folder = new();
        await SClientAsync(pair, prepare(pair.Authority, folder.Path));
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Handshakes.Count == 1);
        (TunnelHandshake handshake, bool log) = pair.Destination.Handshakes.Single();
        Assert.NotEqual(ProxyFailure.None, handshake.Failure);
        Assert.Contains(reason, handshake.Detail, StringComparison.Ordinal);
        Assert.True(log);
    }

    private static async Task SClientAsync(ProxyPair pair, string arguments) =>
        await RunAsync("openssl", $"s_client -connect {pair.Tunnel} -alpn h2 -ign_eof {arguments}");

    private static string Write(string folder, TestLeaf leaf)
    {
        File.WriteAllText(Path.Combine(folder, "cert.pem"), leaf.CertificatePem);
        File.WriteAllText(Path.Combine(folder, "key.pem"), leaf.KeyPem);
        return $"-cert {folder}/cert.pem -key {folder}/key.pem";
    }

    private static async Task<string> RunAsync(string program, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.StandardInput.Close();
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(20));
        Task<string> error = process.StandardError.ReadToEndAsync(limit.Token);
        string output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return output + await error;
    }

    private sealed class TemporaryFolder : IDisposable
    {
        internal string Path { get; } = Directory.CreateTempSubdirectory("culvert-test-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
