using System.Security.Cryptography;
using System.Text;

namespace Culvert.Core.Tests;

/// <summary>Which keys of a set are taken.</summary>
[Trait("Category", "Attack")]
public sealed class JsonWebKeysTests
{
    private const string Good = """{"kty":"EC","crv":"P-256","kid":"good","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}""";

    [Theory]
    [InlineData("[]", "is not an object of JSON")]
    [InlineData("{", "is not an object of JSON")]
    [InlineData("""{"keys":[],"keys":[]}""", "has a member twice")]
    [InlineData("{}", "has no list 'keys'")]
    [InlineData("""{"keys":[]}""", "has no key that tokens can be checked with")]
    [InlineData("""{"keys":[{"kty":"oct","k":"AAAA"}]}""", "is a secret, and not a public key")]
    public void A_set_without_a_key_is_none(string set, string reason) => Assert.Contains(reason, JsonWebKeys.TryRead(Encoding.UTF8.GetBytes(set), out _, out _), StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"kty":"EC","crv":"P-256","use":"enc"}""", "is not for signatures")]
    [InlineData("""{"kty":"EC","crv":"P-256","key_ops":["sign"]}""", "is not for checking signatures")]
    [InlineData("""{"kty":"EC","crv":"P-256","key_ops":["\ud800"]}""", "is not for checking signatures")]
    [InlineData("""{"kty":"EC","crv":"secp256k1"}""", "is of a curve other than P-256, P-384 and P-521")]
    [InlineData("""{"kty":"EC","crv":"P-384","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}""", "has no coordinates of its curve's length in base64url")]
    [InlineData("""{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}""", "is not a key of its type")]
    [InlineData("""{"kty":"EC","crv":"P-256","alg":"RS256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}""", "names an algorithm that is not for keys of its type")]
    [InlineData("""{"kty":"OKP","crv":"Ed25519"}""", "is of a type other than RSA and EC")]
    [InlineData("""{"kty":"RSA","n":"AAAA","e":"AQAB"}""", "is shorter than 2048 bits")]
    [InlineData("7", "is not an object")]
    public void What_can_t_be_used_is_passed_over(string key, string reason)
    {
        Assert.Null(JsonWebKeys.TryRead(Encoding.UTF8.GetBytes($$"""{"keys":[{{key}},{{Good}}]}"""), out EquatableArray<JwtKey> keys, out EquatableArray<string> passedOver));
        Assert.Equal("good", Assert.Single(keys.Items).KeyId);
        Assert.Equal($"keys[0] {reason}", Assert.Single(passedOver.Items));
        keys[0].Validate();
    }

    [Theory]
    [InlineData("AQ")]
    [InlineData("AAE")]
    [InlineData("Ag")]
    [InlineData("AQAAAAE")]
    [InlineData("")]
    public void An_exponent_with_which_anybody_could_sign_is_none(string exponent)
    {
        using RSA rsa = RSA.Create(2048);
        string set = $$"""{"keys":[{"kty":"RSA","n":"{{SomeJwt.Encode(rsa.ExportParameters(false).Modulus)}}","e":"{{exponent}}"}]}""";
        Assert.NotNull(JsonWebKeys.TryRead(Encoding.UTF8.GetBytes(set), out _, out _));
    }

    [Theory]
    [InlineData(4096, null)]
    [InlineData(4104, "keys[0] is longer than 4096 bits")]
    public void A_key_with_which_checking_would_take_long_is_none(int bits, string? reason)
    {
        byte[] modulus = new byte[bits / 8];
        modulus.AsSpan().Fill(0xFF);
        string? error = JsonWebKeys.TryRead(Encoding.UTF8.GetBytes($$"""{"keys":[{"kty":"RSA","n":"{{SomeJwt.Encode(modulus)}}","e":"AQAB"}]}"""), out _, out _);
        if (reason is null) Assert.Null(error);
        else Assert.EndsWith(reason, error, StringComparison.Ordinal);
    }

    [Fact]
    public void There_are_not_too_many()
    {
        Assert.Contains("more than 32 keys", JsonWebKeys.TryRead(Encoding.UTF8.GetBytes($$"""{"keys":[{{string.Join(',', Enumerable.Repeat(Good, 33))}}]}"""), out _, out _), StringComparison.Ordinal);
        Assert.Contains("is longer than", JsonWebKeys.TryRead(new byte[JsonWebKeys.MostBytes + 1], out _, out _), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AQ==")]
    [InlineData("AR")]
    [InlineData("A")]
    [InlineData("A Q")]
    [InlineData("A+")]
    public void Bytes_have_one_spelling(string text) => Assert.False(StrictBase64Url.TryDecode(Encoding.ASCII.GetBytes(text), out _));
}
