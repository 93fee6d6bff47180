using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Controller.Issuers;
using Culvert.Core;

namespace Culvert.Controller.Tests.Issuers;

/// <summary>Keys are read from URLs with bounds on time, bytes and addresses.</summary>
[Trait("Category", "Attack")]
public sealed class IssuerClientTests
{
    internal const string Keys = """{"keys":[{"kty":"EC","crv":"P-256","kid":"k1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}""";

    [Fact]
    public async Task Keys_are_read()
    {
        await using IssuerServer server = new() { Answer = IssuerServer.Ok(Keys) };
        (EquatableArray<JwtKey> keys, string? error) = await ReadAsync(server.Uri);
        Assert.Null(error);
        Assert.Equal("k1", Assert.Single(keys.Items).KeyId);
    }

    [Theory]
    [InlineData("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "the answer is 404")]
    [InlineData("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n", "the answer is 302, and redirects are not followed")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "the answer has no list 'keys'")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 70000\r\n\r\n", "the answer is longer than 65536 bytes")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", "there was no answer within 0.5 s")]
    [InlineData("", "there was no answer within 0.5 s")]
    public async Task What_is_no_answer_says_why(string answer, string reason)
    {
        await using IssuerServer server = new() { Answer = answer };
        (EquatableArray<JwtKey> keys, string? error) = await ReadAsync(server.Uri);
        Assert.True(keys.IsEmpty);
        Assert.StartsWith(reason, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"keys":[{"kty":"EC","crv":"P-256","key_ops":["\ud800"]}]}""", "the answer has no key that tokens can be checked with: keys[0] is not for checking signatures")]
    [InlineData("""{"keys":[{"kty":"\ud800","kid":"\udc00"}]}""", "the answer has no key that tokens can be checked with: keys[0] is of a type other than RSA and EC")]
    public async Task Half_of_a_surrogate_pair_is_no_text_and_nothing_throws(string body, string reason)
    {
        await using IssuerServer server = new() { Answer = IssuerServer.Ok(body) };
        Assert.Equal(reason, (await ReadAsync(server.Uri)).Error);
    }

    [Fact]
    public async Task What_can_t_be_asked_at_all_says_so_too() => Assert.NotNull((await ReadAsync("ftp://issuer.example.org/")).Error);

    [Fact]
    public async Task An_answer_without_an_announced_end_is_bounded_too()
    {
        await using IssuerServer server = new() { Answer = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + new string(' ', 100_000) };
        Assert.Equal("the answer is longer than 65536 bytes, or its head is too long", (await ReadAsync(server.Uri)).Error);
    }

    [Fact]
    public async Task This_machine_is_not_asked_unless_it_is_allowed()
    {
        await using IssuerServer server = new() { Answer = IssuerServer.Ok(Keys) };
        foreach (string uri in new[] { server.Uri, server.Uri.Replace("127.0.0.1", "localhost", StringComparison.Ordinal), server.Uri.Replace("127.0.0.1", "[::ffff:127.0.0.1]", StringComparison.Ordinal) })
            Assert.Contains("leads to this machine or its link only", (await ReadAsync(uri, new IssuerKeyOptions())).Error, StringComparison.Ordinal);
        Assert.Equal(0, server.Asked);
    }

    [Theory]
    [InlineData("127.0.0.1", false)]
    [InlineData("127.9.9.9", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::1", false)]
    [InlineData("::", false)]
    [InlineData("::ffff:169.254.169.254", false)]
    [InlineData("::169.254.169.254", false)]
    [InlineData("64:ff9b::a9fe:a9fe", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fe80::1%1", false)]
    [InlineData("fd00:ec2::254", false)]
    [InlineData("fd20:ce::254", false)]
    [InlineData("100.100.100.200", false)]
    [InlineData("168.63.129.16", false)]
    [InlineData("192.0.0.192", false)]
    [InlineData("64:ff9b:1::a9fe:a9fe", false)]
    [InlineData("2002:a9fe:a9fe::1", false)]
    [InlineData("::ffff:0:a9fe:a9fe", false)]
    [InlineData("fec0::1", false)]
    [InlineData("10.96.0.1", true)]
    [InlineData("192.0.2.1", true)]
    [InlineData("fd00::1", true)]
    [InlineData("2001:db8::1", true)]
    public void Addresses_of_this_machine_and_its_link_are_not_asked(string address, bool isAllowed) => Assert.Equal(isAllowed, IssuerAddresses.IsAllowed(IPAddress.Parse(address)));

    private static async Task<(EquatableArray<JwtKey> Keys, string? Error)> ReadAsync(string uri, IssuerKeyOptions? options = null)
    {
        using IssuerClient client = new(options ?? new IssuerKeyOptions { AllowsLocal = true, Patience = TimeSpan.FromSeconds(0.5) });
        return await client.ReadAsync(uri, TestContext.Current.CancellationToken);
    }
}
