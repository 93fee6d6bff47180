using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Culvert.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Tokens with signatures that are none, behind tunnels: what checks them must not harm the TLS connections of the same thread.</summary>
[Trait("Category", "Attack")]
public sealed class ForgedTokenTests : IDisposable
{
    private const string Issuer = "https://issuer.example.org";

    private readonly RSA _rsa = RSA.Create(2048);
    private readonly ECDsa _elliptic = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public static TheoryData<HttpProtocols, HttpProtocols> Versions => RoutingTests.Versions;

    /// <inheritdoc/>
    public void Dispose()
    {
        _rsa.Dispose();
        _elliptic.Dispose();
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AForgedTokenHarmsNoOtherRequestOfItsTunnel(HttpProtocols client, HttpProtocols servers)
    {
        using SemaphoreSlim arrived = new(0), answer = new(0);
        await using RoutingLab lab = new(client, servers, o => o with { Loops = 1 });
        await lab.AddServerAsync("web", async context =>
        {
            arrived.Release();
            await answer.WaitAsync(context.RequestAborted);
            await context.Response.WriteAsync("late");
        });
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        lab.Pair.Destination.Rules = TokenGateTests.Rules(new JwtRule
        {
            Issuer = Issuer,
            Keys =
            [
                new JwtKey { KeyId = "rsa", Algorithms = [JwtAlgorithm.RS256, JwtAlgorithm.PS256], PublicKey = _rsa.ExportSubjectPublicKeyInfo().ToEquatableArray() },
                new JwtKey { KeyId = "ec", Algorithms = [JwtAlgorithm.ES256], PublicKey = _elliptic.ExportSubjectPublicKeyInfo().ToEquatableArray() },
            ],
            Headers = [new("authorization", "Bearer ")],
        });
        Task<string> running = lab.GetAsync("/");
        Assert.True(await arrived.WaitAsync(TimeSpan.FromSeconds(10)));
        foreach (string token in Forged())
        {
            using HttpRequestMessage request = lab.Request(HttpMethod.Get, "/");
            Assert.True(request.Headers.TryAddWithoutValidation("authorization", $"Bearer {token}"));
            using HttpResponseMessage refused = await lab.Client.SendAsync(request);
            Assert.Equal(401, RoutingLab.Of(refused).Status);
        }

        answer.Release();
        Assert.Equal("late", await running);
    }

    private IEnumerable<string> Forged()
    {
        using RSA other = RSA.Create(2048);
        foreach (string algorithm in (string[])["RS256", "PS256"])
        {
            string signed = Signed(algorithm, "rsa");
            yield return $"{signed}.{Base64Url.EncodeToString(other.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, algorithm == "RS256" ? RSASignaturePadding.Pkcs1 : RSASignaturePadding.Pss))}";
            foreach (int length in (int[])[8, 256]) yield return $"{signed}.{Base64Url.EncodeToString(Enumerable.Repeat((byte)0xff, length).ToArray())}";
        }

        foreach (byte filling in (byte[])[0, 0xff])
        {
            foreach (int length in (int[])[8, 64]) yield return $"{Signed("ES256", "ec")}.{Base64Url.EncodeToString(Enumerable.Repeat(filling, length).ToArray())}";
        }
    }

    private static string Signed(string algorithm, string key) =>
        $"{TokenGateTests.Encode($$"""{"alg":"{{algorithm}}","kid":"{{key}}"}""")}.{TokenGateTests.Encode($$"""{"iss":"{{Issuer}}","sub":"ann","exp":4000000000}""")}";
}
