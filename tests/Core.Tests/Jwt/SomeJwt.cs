using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Culvert.Core.Tests;

/// <summary>Tokens and keys as tests make them.</summary>
internal static class SomeJwt
{
    public const string Issuer = "https://issuer.example.org";

    /// <summary>A moment at which tokens of tests are valid.</summary>
    public static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);

    /// <summary>The key of the issuer.</summary>
    public static ECDsa Key { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public static string Encode(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    public static string Encode(string text) => Encode(Encoding.UTF8.GetBytes(text));

    /// <summary>A token, signed by <see cref="Key"/> or another.</summary>
    public static string Sign(string payload, string header = """{"alg":"ES256","kid":"k1"}""", ECDsa? key = null)
    {
        string signed = $"{Encode(header)}.{Encode(payload)}";
        return $"{signed}.{Encode((key ?? Key).SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation))}";
    }

    /// <summary>The payload of a good token.</summary>
    public static string Payload(string more = "") => $$"""{"iss":"{{Issuer}}","sub":"ann","aud":["shop"],"exp":1800000600,"nbf":1799999400{{(more.Length > 0 ? "," + more : "")}}}""";

    public static JwtKey PublicKey(ECDsa key, string? id = "k1") => new() { KeyId = id, Algorithms = [JwtAlgorithm.ES256], PublicKey = key.ExportSubjectPublicKeyInfo().ToEquatableArray() };

    public static JwtRule Rule() => new() { Issuer = Issuer, Audiences = ["shop"], Keys = [PublicKey(Key)], Headers = [new("authorization", "Bearer ")] };

    public static RequestAuthenticator Authenticator(params JwtRule[] rules) => new([new RequestAuthenticationInfo { Name = new("shop", "jwt"), Rules = rules.ToEquatableArray() }]);

    /// <summary>Claims as those of a token that was found to be good.</summary>
    public static JwtClaims Claims(string issuer, string subject, params string[] teams)
    {
        string token = $"{Encode("""{"alg":"ES256"}""")}.{Encode($$"""{"iss":"{{issuer}}","sub":"{{subject}}","teams":["{{string.Join("\",\"", teams)}}"],"in":{"team":"{{teams[0]}}"} }""")}.";
        Assert.Equal(JwtError.None, JwtReader.TryRead(Encoding.ASCII.GetBytes(token), out ReadJwt? jwt));
        return jwt!.Claims;
    }

    public static JwtCheck Check(this RequestAuthenticator authenticator, string token, DateTimeOffset? now = null) =>
        authenticator.Check(new SomeRequest("GET", "shop", "/", ("authorization", $"Bearer {token}")), now ?? Now);
}
