using System.Security.Cryptography;
using System.Text;

namespace Culvert.Core.Tests;

/// <summary>The rules of JWT-SVIDs, one after the other.</summary>
public sealed class JwtSvidTests
{
    private const string Good = """{"sub":"spiffe://cluster.local/ns/shop/sa/web","aud":["db","https://shop.example.org"],"exp":1800000300,"iat":1800000000}""";
    private const string Header = """{"alg":"ES256","kid":"k1","typ":"JWT"}""";

    private static readonly TrustBundle Bundle = new("cluster.local", []) { JwtKeys = [SomeJwt.PublicKey(SomeJwt.Key), SomeJwt.PublicKey(ECDsa.Create(ECCurve.NamedCurves.nistP256), "k2")] };

    [Theory]
    [InlineData(Header)]
    [InlineData("""{"alg":"ES256","kid":"k1","typ":"JOSE"}""")]
    [InlineData("""{"alg":"ES256","kid":"k1"}""")]
    public void OneThatKeepsAllRulesIsGood(string header)
    {
        Assert.Null(Verify(SomeJwt.Sign(Good, header), out VerifiedJwtSvid? svid));
        Assert.Equal(SpiffeId.ForServiceAccount("cluster.local", "shop", "web"), svid!.Id);
        Assert.Equal((Good, 1_800_000_300), (Encoding.UTF8.GetString(svid.Claims.Span), svid.Expires.ToUnixTimeSeconds()));
        Assert.Null(Verify(SomeJwt.Sign(Good, header), out _, "https://shop.example.org"));
    }

    [Theory]
    [InlineData("""{"alg":"none","kid":"k1"}""", "the token's algorithm is not taken")]
    [InlineData("""{"alg":"HS256","kid":"k1"}""", "the token's algorithm is not taken")]
    [InlineData("""{"alg":"ES384","kid":"k1"}""", "the token's algorithm is not taken")]
    [InlineData("""{"alg":"ES256"}""", "the token names no key")]
    [InlineData("""{"alg":"ES256","kid":"k2"}""", "the token's signature is wrong")]
    [InlineData("""{"alg":"ES256","kid":"k3"}""", "the token's key is not known")]
    [InlineData("""{"alg":"ES256","kid":"k1","typ":"at+jwt"}""", "the token is of another type than JWT and JOSE")]
    [InlineData("""{"alg":"ES256","kid":"k1","typ":7}""", "the token is of another type than JWT and JOSE")]
    [InlineData("""{"alg":"ES256","kid":"k1","crit":["x"]}""", "the token has critical extensions")]
    public void AHeaderThatBreaksARuleIsRefused(string header, string reason) => Assert.Equal(reason, Verify(SomeJwt.Sign(Good, header), out _));

    [Theory]
    [InlineData("\"spiffe://cluster.local/ns/shop/sa/web\"", "\"ann\"", "the token's subject is no SPIFFE ID: ")]
    [InlineData("\"spiffe://cluster.local/ns/shop/sa/web\"", "\"spiffe://cluster.local\"", "the token's subject is a trust domain")]
    [InlineData("\"spiffe://cluster.local/ns/shop/sa/web\"", "\"spiffe://elsewhere/ns/shop/sa/web\"", "the token is of the trust domain elsewhere, whose keys are not known")]
    [InlineData("\"sub\":\"spiffe://cluster.local/ns/shop/sa/web\",", "", "the token's subject is no SPIFFE ID: ")]
    [InlineData("\"exp\":1800000300", "\"exp\":1799999999", "the token has expired")]
    [InlineData("\"exp\":1800000300", "\"exp\":1800000000", "the token has expired")]
    [InlineData("\"exp\":1800000300,", "", "the token has no end")]
    [InlineData("\"exp\":1800000300", "\"exp\":1800000300,\"nbf\":1800000100", "the token is not valid yet")]
    [InlineData("[\"db\",\"https://shop.example.org\"]", "\"web\"", "expected audience in [\"db\"] (audience=[\"web\"])")]
    [InlineData("\"aud\":[\"db\",\"https://shop.example.org\"],", "", "expected audience in [\"db\"] (audience=[])")]
    public void AClaimThatBreaksARuleIsRefused(string before, string after, string reason)
    {
        Assert.Contains(before, Good, StringComparison.Ordinal);
        Assert.StartsWith(reason, Verify(SomeJwt.Sign(Good.Replace(before, after, StringComparison.Ordinal), Header), out VerifiedJwtSvid? svid), StringComparison.Ordinal);
        Assert.Null(svid);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a.b")]
    [InlineData("a.b.c.d")]
    [InlineData("..")]
    public void WhatIsNoTokenIsRefused(string token) => Assert.Equal("the token is malformed", Verify(token, out _));

    [Fact]
    public void AnythingThatIsChangedIsRefused()
    {
        string token = SomeJwt.Sign(Good, Header);
        string other = SomeJwt.Sign(Good.Replace("web", "db", StringComparison.Ordinal), Header);
        Assert.Equal("the token's signature is wrong", Verify($"{other[..other.LastIndexOf('.')]}.{token[(token.LastIndexOf('.') + 1)..]}", out _));
        Assert.Equal("the token's signature is wrong", Verify($"{token[..token.LastIndexOf('.')]}.", out _));
    }

    [Theory]
    [InlineData(null, "a", "b")]
    [InlineData("audience must be specified")]
    [InlineData("an audience must not be empty", "a", "")]
    [InlineData("an audience has control characters", "a\0b")]
    public void AudiencesAreLookedAt(string? reason, params string[] audience) => Assert.Equal(reason, JwtSvid.CheckAudience(audience));

    [Fact]
    public void AudiencesAreBounded()
    {
        Assert.Null(JwtSvid.CheckAudience([.. Enumerable.Repeat("a", JwtSvid.MostAudiences)]));
        Assert.NotNull(JwtSvid.CheckAudience([new string('a', JwtSvid.LongestAudience + 1)]));
        Assert.NotNull(JwtSvid.CheckAudience([.. Enumerable.Repeat("a", JwtSvid.MostAudiences + 1)]));
    }

    [Theory]
    [InlineData('a', 1)]
    [InlineData('"', 6)]
    [InlineData('\u00e9', 6)]
    public void WhatATokenHasOfAudiencesIsBoundedSoThatItCanBeRead(char of, int bytes)
    {
        string[] most = [.. Enumerable.Repeat(new string(of, JwtSvid.MostAudienceBytes / bytes / 16), 16)];
        Assert.Null(JwtSvid.CheckAudience(most));
        string[] more = [.. most[1..], most[0] + new string(of, 17)];
        Assert.Equal($"the audiences have more than {JwtSvid.MostAudienceBytes} bytes in JSON", JwtSvid.CheckAudience(more));

        // With an identity that is as long as may be.
        string id = $"spiffe://cluster.local/ns/{new string('n', 63)}/sa/{new string('s', 253)}";
        string token = SomeJwt.Sign($$"""{"sub":"{{id}}","aud":{{System.Text.Json.JsonSerializer.Serialize(most)}},"exp":1800000300}""", Header);
        Assert.Null(Verify(token, out VerifiedJwtSvid? svid, most[0]));
        Assert.Equal(id, svid!.Id.ToString());
        Assert.Equal("k1", JwtSvid.KeyIdOf(token));
    }

    [Fact]
    public void KeysAreOfCurvesByTheirName()
    {
        using ECDsa known = ECDsa.Create(ECCurve.NamedCurves.nistP256), other = ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.10"));
        Assert.Equal([JwtAlgorithm.ES256], JwtKey.FromPublicKey("k", known.ExportSubjectPublicKeyInfo())!.Algorithms);

        // secp256k1, of the same length.
        Assert.Null(JwtKey.FromPublicKey("k", other.ExportSubjectPublicKeyInfo()));
    }

    [Fact]
    public void KeysAreWrittenAsTheyAreRead()
    {
        using RSA rsa = RSA.Create(2048);
        using ECDsa large = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        JwtKey[] keys =
        [
            .. Bundle.JwtKeys,
            new() { KeyId = "rsa", Algorithms = [JwtAlgorithm.RS256, JwtAlgorithm.RS384, JwtAlgorithm.RS512, JwtAlgorithm.PS256, JwtAlgorithm.PS384, JwtAlgorithm.PS512], PublicKey = rsa.ExportSubjectPublicKeyInfo().ToEquatableArray() },
            new() { KeyId = "large", Algorithms = [JwtAlgorithm.ES384], PublicKey = large.ExportSubjectPublicKeyInfo().ToEquatableArray() },
        ];
        Assert.Null(JsonWebKeys.TryRead(JsonWebKeys.Write(keys), out EquatableArray<JwtKey> read, out EquatableArray<string> passedOver));
        Assert.Equal(keys, read.Items);
        Assert.Empty(passedOver);
        Assert.Equal("""{"keys":[]}""", Encoding.UTF8.GetString(JsonWebKeys.Write([])));
    }

    private static string? Verify(string token, out VerifiedJwtSvid? svid, string audience = "db") => JwtSvid.Verify(Encoding.UTF8.GetBytes(token), audience, Bundle, SomeJwt.Now, out svid);
}
